//! Places: where a location is and how a map shows it.
//!
//! Law: a place whose position cannot be read is still named.
//! <https://spec.matrix.org/v1.18/client-server-api/#mlocation>, extensible places:
//! <https://github.com/matrix-org/matrix-spec-proposals/pull/3488>, positions: RFC 5870.

use serde_json::Value;

use super::content::{extensible, short, string};
use super::document::{Block, Document, Inline};

/// What a location says: its name, then a link to a map.
pub(super) fn read(content: &Value) -> Document {
    let place = ["m.location", "org.matrix.msc3488.location"].iter().find_map(|key| content.get(*key));
    let of_place = |key| place.map(|place| string(place, key)).filter(|text| !text.is_empty());
    let uri = of_place("uri").unwrap_or_else(|| string(content, "geo_uri"));
    let said = of_place("description").map_or_else(|| extensible(content), short);
    // What some clients write themselves says no more than the map does.
    let is_name = !said.is_empty() && !said.eq_ignore_ascii_case("location") && !said.contains("geo:");
    let position = Position::read(uri);
    let within = position.as_ref().and_then(|it| it.within).map(|metres| format!(" (within {metres} m)"));
    let name = if is_name { format!(": {said}") } else { String::new() };
    let lead = format!("[location{name}]{}", within.unwrap_or_default());
    let mut blocks = vec![Block::Paragraph(vec![Inline::Text(lead)])];
    if let Some(Position { north, east, .. }) = position {
        let map = format!("https://www.openstreetmap.org/?mlat={north}&mlon={east}#map=16/{north}/{east}");
        blocks.push(Block::Paragraph(vec![Inline::Text(map)]));
    }
    Document { blocks }
}

/// A position on Earth.
struct Position {
    /// Degrees north, as many digits as were told.
    north: f64,
    /// Degrees east.
    east: f64,
    /// How exact it is, in metres.
    within: Option<f64>,
}

impl Position {
    /// Reads `geo:north,east[,height][;crs=wgs84][;u=metres]`; other reference systems mean other places.
    fn read(uri: &str) -> Option<Self> {
        let (scheme, path) = uri.trim().split_once(':')?;
        let mut parts = path.split(';');
        let mut numbers = parts.next()?.split(',').map(|part| part.trim().parse::<f64>());
        let (north, east) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
        let mut within = None;
        for part in parts {
            match part.split_once('=') {
                Some((key, value)) if key.eq_ignore_ascii_case("crs") => {
                    value.eq_ignore_ascii_case("wgs84").then_some(())?;
                }
                Some((key, value)) if key.eq_ignore_ascii_case("u") => {
                    within = value.parse().ok().filter(|it: &f64| it.is_finite() && *it > 0.0);
                }
                _ => {}
            }
        }
        let on_earth = scheme.eq_ignore_ascii_case("geo") && north.abs() <= 90.0 && east.abs() <= 180.0;
        on_earth.then_some(Self { north, east, within })
    }
}
