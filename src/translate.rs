//! What a message means: Rocket.Chat <-> Matrix content.
