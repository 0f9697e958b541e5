//! Error text on its way to a log: secrets of URLs cut out, control characters escaped, bounded.

use std::fmt::{self, Write};

/// The most bytes of an error's text that reach a log line.
const LIMIT: usize = 256;
/// What is read of an error's text at most: a URL that straddles the limit is still recognised.
const READ: usize = 4 * LIMIT;

/// An error's text, safe to log.
pub(crate) struct Redacted<'a>(pub(crate) Option<&'a dyn fmt::Display>);

impl fmt::Display for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(error) => f.write_str(&redact(error)),
            None => f.write_str("-"),
        }
    }
}

pub(crate) fn redact(error: &dyn fmt::Display) -> String {
    let mut text = Bounded(String::new());
    // The error of a full buffer is how reading ends early; an error of the text's own leaves what
    // was written.
    let _ = write!(text, "{error}");
    let mut safe = String::with_capacity(LIMIT.min(text.0.len()));
    for (index, word) in text.0.split(' ').enumerate() {
        if index > 0 {
            safe.push(' ');
        }
        for part in without_secrets(word) {
            safe.extend(part.chars().flat_map(escaped));
        }
        if safe.len() > LIMIT {
            break;
        }
    }
    if safe.len() > LIMIT || text.0.len() >= READ {
        let mut end = LIMIT.min(safe.len());
        while !safe.is_char_boundary(end) {
            end -= 1;
        }
        safe.truncate(end);
        safe.push('…');
    }
    safe
}

/// A word without the user info and the query of a URL in it.
fn without_secrets(word: &str) -> [&str; 3] {
    let Some(scheme) = word.find("://") else { return [word, "", ""] };
    let (start, rest) = word.split_at(scheme + 3);
    // Text around a URL ends it: quotes, brackets, commas.
    let end = rest
        .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ')' | '>' | ']' | ','))
        .unwrap_or(rest.len());
    let (url, after) = rest.split_at(end);
    let authority = url.find(['/', '?', '#']).unwrap_or(url.len());
    let host = url[..authority].rfind('@').map_or(0, |at| at + 1);
    let query = url.find(['?', '#']).unwrap_or(url.len()).max(host);
    [start, &url[host..query], after]
}

fn escaped(c: char) -> impl Iterator<Item = char> {
    let hostile = c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let plain = (!hostile).then_some(c);
    plain.into_iter().chain(hostile.then(|| c.escape_default()).into_iter().flatten())
}

/// Takes the first `READ` bytes.
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut room = READ.saturating_sub(self.0.len()).min(text.len());
        while !text.is_char_boundary(room) {
            room -= 1;
        }
        self.0.push_str(&text[..room]);
        if room < text.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_and_queries_of_urls_do_not_reach_the_log() {
        for (text, expected) in [
            ("GET https://user:pw@host/a?token=s3cret failed", "GET https://host/a failed"),
            ("(http://host:80/x#frag)", "(http://host:80/x)"),
            ("postgres://u:p@h/db, again", "postgres://h/db, again"),
            ("no url at all?x", "no url at all?x"),
            ("https://a@b@host", "https://host"),
        ] {
            assert_eq!(redact(&text), expected);
        }
    }

    #[test]
    fn control_characters_are_escaped_and_the_length_is_bounded() {
        assert_eq!(redact(&"a\r\n\u{1b}[31mb"), "a\\r\\n\\u{1b}[31mb");
        let long = redact(&"x".repeat(1_000_000));
        assert!(long.len() <= LIMIT + '…'.len_utf8(), "{}", long.len());
        let wide = redact(&"é\n".repeat(100_000));
        assert!(wide.len() <= LIMIT + '…'.len_utf8());
    }
}
