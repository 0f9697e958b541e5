//! What a key was used for, as a digest: equal arguments have equal ones, whatever order their maps
//! iterate in, and whatever width their integers have.

use std::fmt;

use hmac_sha256::Hash;
use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

/// The digest of some arguments, as generated code builds it.
#[derive(Clone, Debug, Default)]
pub struct Fingerprint {
    bytes: Vec<u8>,
    failed: Option<String>,
}

impl Fingerprint {
    /// Of nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), failed: None }
    }

    /// The same with one more argument.
    #[must_use]
    pub fn part<T: Serialize + ?Sized>(mut self, value: &T) -> Self {
        if self.failed.is_none() {
            self.failed = value.serialize(Canonical(&mut self.bytes)).err().map(|error| error.0);
        }
        self
    }

    /// The digest, or why there is none.
    pub(super) fn digest(self) -> Result<[u8; 32], String> {
        match self.failed {
            Some(error) => Err(error),
            None => Ok(Hash::hash(&self.bytes)),
        }
    }
}

#[derive(Debug)]
struct Failed(String);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failed {}

impl serde::ser::Error for Failed {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// Writes a value so that two different ones never write the same: every value begins with a tag and
/// says where it ends.
struct Canonical<'a>(&'a mut Vec<u8>);

impl Canonical<'_> {
    fn sized(&mut self, tag: u8, bytes: &[u8]) {
        self.0.push(tag);
        self.0.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        self.0.extend_from_slice(bytes);
    }

    fn integer(self, value: i128) {
        self.0.push(b'i');
        self.0.extend_from_slice(&value.to_le_bytes());
    }
}

macro_rules! integers {
    ($($name:ident: $ty:ty),*) => {$(
        fn $name(self, value: $ty) -> Result<(), Failed> {
            self.integer(i128::from(value));
            Ok(())
        }
    )*};
}

impl<'a> Serializer for Canonical<'a> {
    type Ok = ();
    type Error = Failed;
    type SerializeSeq = Listed<'a>;
    type SerializeTuple = Listed<'a>;
    type SerializeTupleStruct = Listed<'a>;
    type SerializeTupleVariant = Listed<'a>;
    type SerializeMap = Named<'a>;
    type SerializeStruct = Named<'a>;
    type SerializeStructVariant = Named<'a>;

    integers!(
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_i128: i128, serialize_u8: u8, serialize_u16: u16, serialize_u32: u32,
        serialize_u64: u64
    );

    fn serialize_u128(self, value: u128) -> Result<(), Failed> {
        match i128::try_from(value) {
            Ok(value) => self.integer(value),
            Err(_) => {
                self.0.push(b'u');
                self.0.extend_from_slice(&value.to_le_bytes());
            }
        }
        Ok(())
    }

    fn serialize_bool(self, value: bool) -> Result<(), Failed> {
        self.0.push(if value { b't' } else { b'f' });
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), Failed> {
        self.serialize_f64(f64::from(value))
    }

    fn serialize_f64(self, value: f64) -> Result<(), Failed> {
        // The two zeros are equal, and one NaN is as good as another.
        let value = if value.is_nan() { f64::NAN } else { value + 0.0 };
        self.0.push(b'd');
        self.0.extend_from_slice(&value.to_bits().to_le_bytes());
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), Failed> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(mut self, value: &str) -> Result<(), Failed> {
        self.sized(b's', value.as_bytes());
        Ok(())
    }

    fn serialize_bytes(mut self, value: &[u8]) -> Result<(), Failed> {
        self.sized(b'b', value);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Failed> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Failed> {
        self.0.push(b'o');
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Failed> {
        self.0.push(b'n');
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Failed> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        mut self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Failed> {
        self.sized(b'v', variant.as_bytes());
        self.serialize_unit()
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Failed> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        mut self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Failed> {
        self.sized(b'v', variant.as_bytes());
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Listed<'a>, Failed> {
        self.0.push(b'[');
        Ok(Listed(self.0))
    }

    fn serialize_tuple(self, len: usize) -> Result<Listed<'a>, Failed> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<Listed<'a>, Failed> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_variant(
        mut self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Listed<'a>, Failed> {
        self.sized(b'v', variant.as_bytes());
        self.serialize_seq(Some(len))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Named<'a>, Failed> {
        Ok(Named { out: self.0, entries: Vec::new(), key: Vec::new() })
    }

    fn serialize_struct(self, _: &'static str, len: usize) -> Result<Named<'a>, Failed> {
        self.serialize_map(Some(len))
    }

    fn serialize_struct_variant(
        mut self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Named<'a>, Failed> {
        self.sized(b'v', variant.as_bytes());
        self.serialize_map(Some(len))
    }
}

/// Elements in their order.
struct Listed<'a>(&'a mut Vec<u8>);

macro_rules! listed {
    ($($trait:ident::$method:ident),*) => {$(
        impl $trait for Listed<'_> {
            type Ok = ();
            type Error = Failed;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failed> {
                value.serialize(Canonical(self.0))
            }

            fn end(self) -> Result<(), Failed> {
                self.0.push(b']');
                Ok(())
            }
        }
    )*};
}

listed!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

/// Entries in the order of their bytes, since a map has none of its own.
struct Named<'a> {
    out: &'a mut Vec<u8>,
    entries: Vec<Vec<u8>>,
    key: Vec<u8>,
}

impl Named<'_> {
    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Failed> {
        self.serialize_key(name)?;
        self.serialize_value(value)
    }

    fn close(mut self) {
        self.entries.sort_unstable();
        self.out.push(b'{');
        for entry in &self.entries {
            self.out.extend_from_slice(entry);
        }
        self.out.push(b'}');
    }
}

impl SerializeMap for Named<'_> {
    type Ok = ();
    type Error = Failed;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Failed> {
        self.key.clear();
        key.serialize(Canonical(&mut self.key))
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failed> {
        let mut entry = std::mem::take(&mut self.key);
        value.serialize(Canonical(&mut entry))?;
        self.entries.push(entry);
        Ok(())
    }

    fn end(self) -> Result<(), Failed> {
        self.close();
        Ok(())
    }
}

macro_rules! named {
    ($($trait:ident),*) => {$(
        impl $trait for Named<'_> {
            type Ok = ();
            type Error = Failed;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Failed> {
                self.field(name, value)
            }

            fn end(self) -> Result<(), Failed> {
                self.close();
                Ok(())
            }
        }
    )*};
}

named!(SerializeStruct, SerializeStructVariant);

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use super::*;

    fn of<T: Serialize + ?Sized>(value: &T) -> [u8; 32] {
        Fingerprint::new().part(value).digest().expect("serializable")
    }

    #[derive(serde::Serialize)]
    struct Money {
        amount: u64,
        currency: &'static str,
    }

    #[derive(serde::Serialize)]
    enum Choice {
        Unit,
        New(u8),
        Tuple(u8, u8),
        Named { a: u8 },
    }

    #[test]
    fn equal_values_have_equal_fingerprints() {
        let sorted: BTreeMap<u32, u32> = (0..500).map(|n| (n, n * 7)).collect();
        let hashed: HashMap<u32, u32> = (0..500).rev().map(|n| (n, n * 7)).collect();
        assert_eq!(of(&sorted), of(&hashed));
        assert_eq!(of(&7_u8), of(&7_i64), "the width of an integer is not its value");
        assert_eq!(of(&0.0_f64), of(&-0.0_f64));
        assert_eq!(of("x"), of(&'x'));
    }

    #[test]
    fn different_values_have_different_fingerprints() {
        let two = |a: &str, b: &str| Fingerprint::new().part(a).part(b).digest().expect("fine");
        let all = [
            of(&Money { amount: 1, currency: "EUR" }),
            of(&Money { amount: 2, currency: "EUR" }),
            of(&Money { amount: 1, currency: "EU" }),
            of(&Choice::Unit),
            of(&Choice::New(1)),
            of(&Choice::Tuple(1, 1)),
            of(&Choice::Named { a: 1 }),
            of(&Some(1)),
            of(&1),
            of(&-1),
            of(&u128::MAX),
            of(&None::<u8>),
            of(&Some(None::<u8>)),
            of(&vec![1, 2]),
            of(&vec![2, 1]),
            of(&vec![vec![1], vec![2]]),
            of(&vec![vec![1, 2], vec![]]),
            of(&1.5_f64),
            of(""),
            of("1"),
            of(&[0_u8; 0]),
            of(&true),
            of(&false),
            two("ab", "c"),
            two("a", "bc"),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(!all[..at].contains(one), "number {at}");
        }
    }

    #[test]
    fn what_cannot_be_serialized_has_none() {
        struct Never;
        impl Serialize for Never {
            fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                Err(serde::ser::Error::custom("never"))
            }
        }
        assert_eq!(Fingerprint::new().part(&1).part(&Never).part(&2).digest(), Err("never".into()));
    }
}
