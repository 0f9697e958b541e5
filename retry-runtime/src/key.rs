//! Keys made from arguments: of idempotent calls, and of breakers and budgets kept one for each
//! value.
//!
//! The encoding is injective: two different lists of arguments never make the same key. An argument
//! stands in braces and everything that could be mistaken for a brace or is no printable ASCII is
//! percent-encoded, so `{a}_{b}` makes `{x_y}_{z}` of `x_y` and `z`, and `{x}_{y_z}` of `x` and `y_z`.

use std::fmt::{self, Write};

/// A value that can stand in a key.
///
/// Implemented for integers, `bool`, `char`, strings, references and pointers to such, and `Uuid`
/// behind the feature `uuid`. Not for floats, whose equal values have several texts, and not for
/// `Option`, whose absence would make one key of many calls. A type of your own writes what
/// identifies it:
///
/// ```
/// use retry_runtime::{KeyPart, KeyWriter};
///
/// struct OrderId(u64);
///
/// impl KeyPart for OrderId {
///     fn write_key(&self, key: &mut KeyWriter<'_>) {
///         self.0.write_key(key);
///     }
/// }
/// # let mut text = String::new();
/// # OrderId(7).write_key(&mut KeyWriter::new(&mut text));
/// # assert_eq!(text, "7");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand in a key",
    label = "not a `KeyPart`",
    note = "integers, `bool`, `char`, strings and `Uuid` can; floats and `Option` have no text that \
            identifies them",
    note = "for a type of your own: `impl steadfast::KeyPart for {Self}`, or name a field of it in an \
            argument of its own"
)]
pub trait KeyPart {
    /// Writes what identifies the value.
    fn write_key(&self, key: &mut KeyWriter<'_>);
}

/// The bytes that do not stand for themselves, looked up: a key is written for every call.
static ESCAPED: [bool; 256] = {
    let mut escaped = [false; 256];
    let mut byte = u8::MAX;
    loop {
        escaped[byte as usize] = matches!(byte, b'{' | b'}' | b'%' | 0..=0x20 | 0x7f..);
        if byte == 0 {
            break;
        }
        byte -= 1;
    }
    escaped
};

/// Takes the text of one argument and escapes it.
#[derive(Debug)]
pub struct KeyWriter<'a> {
    key: &'a mut String,
    empty: bool,
}

impl<'a> KeyWriter<'a> {
    /// Appends to `key`.
    pub fn new(key: &'a mut String) -> Self {
        Self { key, empty: true }
    }

    /// Appends text.
    pub fn push_str(&mut self, text: &str) {
        self.empty &= text.is_empty();
        // What needs no escape is the usual text, and copied in one piece.
        let mut copied = 0;
        for (at, byte) in text.bytes().enumerate() {
            if ESCAPED[usize::from(byte)] {
                self.copy(text, copied, at);
                // Writing to a `String` cannot fail.
                let _ = write!(self.key, "%{byte:02X}");
                copied = at + 1;
            }
        }
        self.copy(text, copied, text.len());
    }

    /// A stretch of ASCII, or nothing: inside a longer character there is nothing to copy.
    fn copy(&mut self, text: &str, from: usize, to: usize) {
        self.key.push_str(text.get(from..to).unwrap_or_default());
    }

    /// Appends what `value` prints.
    pub fn push(&mut self, value: impl fmt::Display) {
        // What a value prints and then fails on is kept: nothing else can be done about it here.
        let _ = write!(self, "{value}");
    }
}

impl Write for KeyWriter<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push_str(text);
        Ok(())
    }
}

macro_rules! printed {
    ($($ty:ty),*) => {$(
        impl KeyPart for $ty {
            fn write_key(&self, key: &mut KeyWriter<'_>) {
                key.push(self);
            }
        }
    )*};
}

printed!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, bool, char);

impl KeyPart for str {
    fn write_key(&self, key: &mut KeyWriter<'_>) {
        key.push_str(self);
    }
}

impl KeyPart for String {
    fn write_key(&self, key: &mut KeyWriter<'_>) {
        key.push_str(self);
    }
}

#[cfg(feature = "uuid")]
impl KeyPart for uuid::Uuid {
    fn write_key(&self, key: &mut KeyWriter<'_>) {
        key.push(self);
    }
}

macro_rules! pointed {
    ($($ty:ty),*) => {$(
        impl<T: KeyPart + ?Sized> KeyPart for $ty {
            fn write_key(&self, key: &mut KeyWriter<'_>) {
                (**self).write_key(key);
            }
        }
    )*};
}

pointed!(&T, &mut T, Box<T>, std::rc::Rc<T>, std::sync::Arc<T>);

impl<T: KeyPart + ToOwned + ?Sized> KeyPart for std::borrow::Cow<'_, T> {
    fn write_key(&self, key: &mut KeyWriter<'_>) {
        (**self).write_key(key);
    }
}

/// The text of a template as generated code builds it: literal parts and arguments in turn.
#[derive(Debug, Default)]
pub struct Key {
    text: String,
    empty_part: bool,
}

/// Bytes for one argument.
const ROOM: usize = 48;

impl Key {
    /// Nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { text: String::new(), empty_part: false }
    }

    /// The same key with a literal part of the template behind it.
    #[must_use]
    pub fn literal(mut self, text: &str) -> Self {
        KeyWriter::new(&mut self.text).push_str(text);
        self
    }

    /// The same key with an argument behind it.
    #[must_use]
    pub fn part(mut self, value: &(impl KeyPart + ?Sized)) -> Self {
        // Room for a usual key, so that it is allocated once.
        self.text.reserve(ROOM);
        self.text.push('{');
        let mut writer = KeyWriter::new(&mut self.text);
        value.write_key(&mut writer);
        self.empty_part |= writer.empty;
        self.text.push('}');
        self
    }

    /// The whole text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether an argument wrote nothing: such a key names no one thing.
    #[must_use]
    pub const fn has_empty_part(&self) -> bool {
        self.empty_part
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_do_not_run_into_each_other() {
        let key = |a: &str, b: &str| Key::new().part(a).literal("_").part(b).as_str().to_owned();
        assert_eq!(key("x_y", "z"), "{x_y}_{z}");
        assert_ne!(key("x_y", "z"), key("x", "y_z"));
        assert_ne!(key("x}_{y", "z"), key("x", "y}_{z"));
        assert_ne!(key("a", "b"), key("a%7D_%7Bb", ""));
    }

    #[test]
    fn hostile_text_is_escaped() {
        let key = Key::new().literal("k ").part("a\0\n{é}%");
        assert_eq!(key.as_str(), "k%20{a%00%0A%7B%C3%A9%7D%25}");
        let mixed = Key::new().part("é").part("aéb").part("ééa").part("a€");
        assert_eq!(mixed.as_str(), "{%C3%A9}{a%C3%A9b}{%C3%A9%C3%A9a}{a%E2%82%AC}");
        assert!(!key.has_empty_part());
        assert!(Key::new().part("").has_empty_part());
        assert!(Key::new().part("x").part("").part("y").has_empty_part());
    }
}
