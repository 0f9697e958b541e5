//! Error text on its way to a log: secrets of URLs cut out, control characters escaped, bounded.

use std::fmt::{self, Write};

/// The most bytes of an error's text that reach a log line.
const LIMIT: usize = 256;
/// What is read of an error's text at most: a URL that straddles the limit is still recognised.
const READ: usize = 4 * LIMIT;
/// A text that was cut may lack this much, since no character is cut in two.
const MOST_OF_A_CHAR: usize = 4;

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
    let mut text = text.0;
    let cut = text.len() + MOST_OF_A_CHAR > READ;
    if cut {
        // Of a URL that was cut nobody knows what it would have turned out to hold.
        let last = text.rfind(char::is_whitespace).map_or(0, |space| space + 1);
        if let Some(scheme) = text[last..].rfind("://") {
            text.truncate(last + scheme);
        }
    }
    let mut safe = String::with_capacity(LIMIT.min(text.len()) + MOST_OF_A_CHAR);
    for (index, word) in text.split(' ').enumerate() {
        if index > 0 {
            safe.push(' ');
        }
        without_secrets(word, |part| safe.extend(part.chars().flat_map(escaped)));
        if safe.len() > LIMIT {
            break;
        }
    }
    if safe.len() > LIMIT || cut {
        let mut end = LIMIT.min(safe.len());
        while !safe.is_char_boundary(end) {
            end -= 1;
        }
        safe.truncate(end);
        safe.push('…');
    }
    safe
}

/// Passes on what may be seen of a word: all but user info, query and fragment of the URLs in it.
fn without_secrets(mut word: &str, mut keep: impl FnMut(&str)) {
    while let Some(scheme) = word.find("://") {
        let (start, rest) = word.split_at(scheme + 3);
        keep(start);
        let url = &rest[user_info(start, rest)..];
        // Text around a URL ends it: quotes, brackets, commas. An address has brackets of its own.
        let address = if url.starts_with('[') { url.find(']').map_or(0, |at| at + 1) } else { 0 };
        let end = url[address..].find(ends_a_url).map_or(url.len(), |end| address + end);
        let query = url.find(['?', '#']).unwrap_or(url.len()).min(end);
        keep(&url[..query]);
        word = &url[end..];
    }
    // A path by itself has a query, too; a question in prose does not begin with a slash.
    match word.find('?') {
        Some(query) if word.trim_start_matches(ends_a_url).starts_with('/') => {
            let end = word[query..].find(ends_a_url).map_or(word.len(), |end| query + end);
            keep(&word[..query]);
            keep(&word[end..]);
        }
        _ => keep(word),
    }
}

fn ends_a_url(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '"' | '\'' | '`' | '(' | ')' | '<' | '>' | '[' | ']' | '{' | '}' | ',' | ';')
}

/// How much of what follows `scheme://` is user info.
///
/// By the book it ends at the last `@` before the path. People paste passwords with slashes and
/// question marks in them all the same. Of a scheme that is not of the web any `@` ends it; of one
/// that is, what stands before the path and is no host, with a port of digits, is taken for the
/// beginning of such a password.
fn user_info(scheme: &str, rest: &str) -> usize {
    let whole = &rest[..rest.find(char::is_whitespace).unwrap_or(rest.len())];
    let of_the_web = ["http://", "https://", "ws://", "wss://"];
    let authority = &whole[..whole.find(['/', '?', '#']).unwrap_or(whole.len())];
    let port = match authority.rsplit_once(':') {
        // The colons of an address are in brackets.
        Some((_, after)) if !after.contains(']') => after,
        _ => "",
    };
    let port = port.trim_start_matches(|c: char| c.is_ascii_digit());
    let is_host = port.chars().next().is_none_or(ends_a_url);
    let of_the_web = of_the_web.iter().any(|web| scheme.ends_with(web));
    let before_query = &whole[..whole.find('?').unwrap_or(whole.len())];
    let until = match (of_the_web, authority.contains('@')) {
        (true, true) => authority,
        (true, false) if is_host => authority,
        (false, _) if before_query.contains('@') => before_query,
        _ => whole,
    };
    until.rfind('@').map_or(0, |at| at + 1)
}

/// Control characters would forge lines or colours, marks of direction the order of what is read,
/// and characters without width hide what is searched for.
fn escaped(c: char) -> impl Iterator<Item = char> {
    let hostile = c.is_control()
        || matches!(
            c,
            '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{e0000}'..='\u{e007f}'
        );
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
            ("two: http://u:p@a/?k=1,http://u:p@b/?k=2", "two: http://a/,http://b/"),
            ("\"GET /pay?card=4242\" failed", "\"GET /pay\" failed"),
            (
                "error sending request for url (http://h/?k=1): refused",
                "error sending request for url (http://h/): refused",
            ),
            ("at /pay?card=4242: refused", "at /pay refused"),
            ("[/pay?card=4242]", "[/pay]"),
            ("http://[::1]:8080/x?y", "http://[::1]:8080/x"),
            ("http://host:8080, ann@example.org", "http://host:8080, ann@example.org"),
            ("http://host/@ann", "http://host/@ann"),
            ("http://u:p@h/?mail=ann@example.org", "http://h/"),
            ("amqp://u:p@h/?mail=ann@example.org", "amqp://h/"),
            ("redis://:12/w@cache:6379/0", "redis://cache:6379/0"),
        ] {
            assert_eq!(redact(&text), expected);
        }
    }

    #[test]
    fn passwords_that_break_the_syntax_of_urls_do_not_reach_the_log() {
        for password in ["p/w", "p?w", "p#w", "p@w", "p:w", "p,w", "p\"w", "p)w", "p[w", "12/w"] {
            let text = redact(&format!("connect postgres://ann:{password}@db/orders failed"));
            assert_eq!(text, "connect postgres://db/orders failed", "{password}");
        }
    }

    #[test]
    fn a_url_that_is_cut_shows_nothing_of_its_secrets() {
        for before in 0..READ + 10 {
            // What is left out makes room for what follows.
            let query = "q".repeat(before);
            let text = redact(&format!("http://h/?{query} https://ann:hunter2@host/x?t=hunter2"));
            assert!(!text.contains("hun") && !text.contains("ann"), "{before}: {text}");
        }
    }

    #[test]
    fn control_characters_are_escaped_and_the_length_is_bounded() {
        assert_eq!(redact(&"a\r\n\u{1b}[31mb"), "a\\r\\n\\u{1b}[31mb");
        let long = redact(&"x".repeat(1_000_000));
        assert!(long.len() <= LIMIT + '…'.len_utf8(), "{}", long.len());
        let wide = redact(&"é\n".repeat(100_000));
        assert!(wide.len() <= LIMIT + '…'.len_utf8());
        assert!(redact(&"é".repeat(READ / 2)).ends_with('…'));
    }

    #[test]
    fn marks_of_direction_and_characters_without_width_are_escaped() {
        for hostile in [
            '\u{202e}',
            '\u{2066}',
            '\u{200f}',
            '\u{61c}',
            '\u{200b}',
            '\u{feff}',
            '\u{2028}',
            '\u{85}',
            '\u{e0041}',
        ] {
            let text = redact(&format!("a{hostile}b"));
            assert_eq!(text, format!("a{}b", hostile.escape_default()));
        }
        assert_eq!(redact(&"süß 日本 🦀"), "süß 日本 🦀");
    }
}
