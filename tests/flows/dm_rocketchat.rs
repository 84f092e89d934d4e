//! Rocket.Chat's direct messages in the world in a box: one for each set of people, and who is in it never changes.

use matrix_federation::facts::{Message, Room, RoomKind, User, UserKind};

use crate::world::{Outside, person};

impl Outside {
    /// The direct message of just these people, if there is one.
    pub fn direct(&self, usernames: &[String]) -> Option<Room> {
        let is_theirs = |it: &(&String, &Vec<String>)| same(it.1, usernames);
        let (id, _) = self.directs.iter().find(is_theirs)?;
        Some(Room { id: id.clone(), name: String::new(), kind: RoomKind::Direct, encrypted: false })
    }

    /// Opens it, or finds the one there is, and sees to it that all are in it. That of a pair is called by their two ids.
    pub fn open_direct(&mut self, usernames: &[String]) -> Result<String, String> {
        let mut ids = vec![];
        for username in usernames {
            ids.push(self.users.get(username).ok_or("Invalid user")?.id.clone());
        }
        if let Some(room) = self.direct(usernames) {
            self.join(&room.id, usernames);
            return Ok(room.id);
        }
        ids.sort();
        let id = if ids.len() == 2 { ids.concat() } else { format!("group{}", self.directs.len()) };
        self.directs.insert(id.clone(), usernames.to_vec());
        self.join(&id, usernames);
        Ok(id)
    }

    fn join(&mut self, room: &str, usernames: &[String]) {
        self.members.extend(usernames.iter().map(|it| (room.to_owned(), it.clone())));
    }

    /// Whoever is renamed stays where they are.
    pub fn rename(&mut self, from: &str, to: &str) {
        let renamed = |name: String| if name == from { to.to_owned() } else { name };
        let members = std::mem::take(&mut self.members).into_iter();
        self.members = members.map(|(room, name)| (room, renamed(name))).collect();
        for names in self.directs.values_mut() {
            *names = std::mem::take(names).into_iter().map(renamed).collect();
        }
    }

    pub fn members_of(&self, room: &str) -> Vec<User> {
        let names = self.members.iter().filter(|it| it.0 == room).map(|it| &it.1);
        names.filter_map(|it| self.users.get(it).cloned()).collect()
    }

    /// The App's own user says something; said before, it is not said again.
    pub fn tell(&mut self, id: String, room: String, text: String) {
        if self.messages.iter().any(|it| it.id == id) {
            return;
        }
        self.now += 1;
        let direct = self.directs.contains_key(&room);
        self.messages.push(Message {
            id,
            room,
            sender: User { kind: UserKind::App, ..person("matrix-federation.bot") },
            text,
            md: None,
            at: self.now,
            edited_at: None,
            system: None,
            files: vec![],
            direct,
            thread: None,
            quotes: vec![],
            reactions: vec![],
            attachments: None,
            blocks: None,
        });
    }
}

fn same(one: &[String], other: &[String]) -> bool {
    let sorted = |names: &[String]| {
        let mut names = names.to_vec();
        names.sort();
        names
    };
    sorted(one) == sorted(other)
}
