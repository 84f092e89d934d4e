//! The registration, as administrators get it, and new tokens for it.

use super::download;
use crate::appservice;
use crate::config::Mode;
use crate::effect::Effect;
use crate::ids::{Scope, key};
use crate::record::Download;
use crate::view::{Key, Missing, View};

/// What the file is called.
const NAME: &str = "rocketchat-registration.yaml";

/// How each homeserver takes it.
const HOW: &str = "*Synapse*: save it beside `homeserver.yaml`, name it there under `app_service_config_files`, and \
                   restart.
*Dendrite*: name it in `dendrite.yaml` under `app_service_api`, `config_files`, and restart.
*Conduit, conduwuit, Continuwuity, Tuwunel*: in the admin room, send `!admin appservices register` and below it, in the \
                   same message, the file in a code block. Sent again, it replaces the former one.";

/// What to do, the file, and a link to download it.
pub fn show(view: &View) -> Result<(Vec<Effect>, String), Missing> {
    if view.config.mode == Mode::Direct {
        return Ok((vec![], "In direct mode there is no homeserver to register with.".to_owned()));
    }
    if !view.config.is_complete() {
        return Ok((vec![], "Set the homeserver's address and name in the App's settings first.".to_owned()));
    }
    view.all([key::TOKENS, key::TICKETS].map(Key::documents))?;
    let Some(yaml) = appservice::registration(view)? else {
        let why = appservice::locked_tokens(view)?;
        let text = why.map_or_else(
            || "The registration is being made; ask again in a moment.".to_owned(),
            |why| format!("There is no registration: {why}."),
        );
        return Ok((vec![], text));
    };
    let ticket = download::ticket(view);
    let offer = download::offer(view, &ticket, Download::Registration, NAME)?;
    let (keep, link) = offer.map_or((vec![], String::new()), |it| {
        (it.keep, format!(" [Download it]({}) (once, within ten minutes) or copy it.", it.link))
    });
    let text = format!("This file makes the App known to the homeserver.{link}\n{HOW}\n```yaml\n{yaml}```");
    Ok((keep, text))
}

/// Draws the next tokens, or says why not.
pub fn rotate(view: &View) -> Result<(Vec<Effect>, String), Missing> {
    if view.config.mode == Mode::Direct {
        return Ok((
            vec![],
            "In direct mode there are no tokens; there is `/federation rotate-key`.".to_owned(),
        ));
    }
    Ok(match appservice::rotate_tokens(view)? {
        Ok(effect) => {
            let text = "New tokens are drawn. Until the homeserver has loaded the new registration \
                        (`/federation registration`), the old ones are used; after that they are accepted for a day \
                        more. No message is lost.";
            // Where the old ones could not be opened, there is something to attach with now.
            (vec![effect, Effect::Wake { scope: Scope::workspace(), at: view.now }], text.to_owned())
        }
        Err(why) => (vec![], format!("No new tokens were drawn: {why}.")),
    })
}
