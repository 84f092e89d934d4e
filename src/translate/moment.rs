//! Moments and colours in plain words.
//!
//! Law: a moment is written in UTC and says so, for Matrix has no form that each reader sees in their own time zone.
//! Calendar arithmetic: <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>.

/// A moment as text; `format` is one of Rocket.Chat's `t T d D f F R`.
pub(super) fn written(unix: i64, format: char) -> String {
    let days = unix.div_euclid(86_400);
    let seconds = unix.rem_euclid(86_400);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let (year, month, day) = civil(days);
    match format {
        't' => format!("{hour:02}:{minute:02} UTC"),
        'T' => format!("{hour:02}:{minute:02}:{second:02} UTC"),
        'd' | 'D' => format!("{year:04}-{month:02}-{day:02}"),
        _ => format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02} UTC"),
    }
}

fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days.saturating_add(719_468);
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// A colour as Rocket.Chat writes it.
pub(super) fn colour(rgba: [u8; 4]) -> String {
    format!("color:{}", hex(rgba))
}

/// A colour as HTML writes it; fully opaque ones in six digits.
pub(super) fn hex([red, green, blue, opacity]: [u8; 4]) -> String {
    if opacity == 255 {
        format!("#{red:02x}{green:02x}{blue:02x}")
    } else {
        format!("#{red:02x}{green:02x}{blue:02x}{opacity:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        for (unix, format, expected) in [
            (0, 'f', "1970-01-01 00:00 UTC"),
            (1_630_360_800, 'R', "2021-08-30 22:00 UTC"),
            (951_782_400, 'D', "2000-02-29"),
            (-1, 'T', "23:59:59 UTC"),
            (1_630_360_800, 't', "22:00 UTC"),
        ] {
            assert_eq!(written(unix, format), expected);
        }
        // Nothing overflows.
        written(i64::MAX, 'f');
        written(i64::MIN, 'f');
    }
}
