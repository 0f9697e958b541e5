//! The options of each attribute: their names, an example to paste, and what other libraries call
//! them. What a value must look like is known to the parser, what it may be to the validation.

mod breaker;
mod elsewhere;
mod idempotent;
mod retry;

pub(crate) use breaker::BreakerOption;
pub(crate) use elsewhere::{Equivalent, as_share};
pub(crate) use idempotent::IdempotentOption;
pub(crate) use retry::{BudgetOption, RetryOption};

use crate::diagnostics::{nearest, shortened};

/// The options of one attribute, or of one option that has options itself.
pub(crate) trait Table: Copy + Eq + 'static {
    /// How the owner of the options is written.
    const OWNER: &'static str;
    const ALL: &'static [Self];
    /// What other libraries call them.
    const ELSEWHERE: Elsewhere<Self>;

    fn name(self) -> &'static str;
    /// The option with a value that is valid on its own.
    fn example(self) -> &'static str;

    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|option| option.name() == name)
    }

    /// What was meant by `word`, which names no option.
    fn guess(word: &str, value: &str) -> Option<String> {
        let snake = snake_case(word);
        if let Some(option) = Self::named(&snake) {
            return Some(format!("write `{}`", assigned(option, value)));
        }
        if let Some(help) = elsewhere::equivalent::<Self>(&snake, value) {
            return Some(help);
        }
        if let Some(help) = of_another_attribute(Self::OWNER, &snake, value) {
            return Some(help);
        }
        let names = Self::ALL.iter().map(|option| option.name());
        let option = nearest(&snake, names).and_then(Self::named)?;
        Some(format!("write `{}`", assigned(option, value)))
    }

    /// What to write instead of `word`, which names no option.
    fn help(word: &str, value: &str) -> String {
        Self::guess(word, value).unwrap_or_else(|| {
            let names: Vec<String> =
                Self::ALL.iter().map(|option| format!("`{}`", option.name())).collect();
            format!("the options are {}", names.join(", "))
        })
    }
}

/// Words of other libraries, and what they mean here.
pub(crate) type Elsewhere<O> = &'static [(&'static [&'static str], Equivalent<O>)];

/// The attributes of a stack, outermost first: the order in which they must be written.
pub(crate) const ORDER: [&str; 3] = ["idempotent", "retry", "circuit_breaker"];

/// Where an option belongs that another attribute of ours has.
fn of_another_attribute(owner: &str, word: &str, value: &str) -> Option<String> {
    let here = ORDER.iter().position(|name| *name == owner)?;
    let found = [
        IdempotentOption::named(word).map(|option| assigned(option, value)),
        RetryOption::named(word).map(|option| assigned(option, value)),
        BreakerOption::named(word).map(|option| assigned(option, value)),
    ];
    let (there, option) = found.into_iter().enumerate().find_map(|(there, option)| {
        option.filter(|_| there != here).map(|option| (there, option))
    })?;
    let side = if there < here { "above" } else { "below" };
    Some(format!("write it as `#[{}({option})]` {side} `#[{owner}]`", ORDER[there]))
}

/// The option with the value that was found; its example where that would not be short.
fn assigned<O: Table>(option: O, value: &str) -> String {
    let example = option.example();
    let by_equals = example[option.name().len()..].starts_with(" =");
    if value.is_empty() || !by_equals || shortened(value) != value {
        example.to_owned()
    } else {
        format!("{} = {value}", option.name())
    }
}

/// `maxAttempts`, `MaxAttempts` and `max-attempts` as we would write them.
fn snake_case(word: &str) -> String {
    let mut snake = String::with_capacity(word.len() + 4);
    for letter in word.chars() {
        if letter.is_uppercase() && !snake.is_empty() && !snake.ends_with('_') {
            snake.push('_');
        }
        if letter == '-' {
            snake.push('_');
        } else {
            snake.extend(letter.to_lowercase());
        }
    }
    snake
}

/// Declares the options of one table, in the order in which help lists them.
macro_rules! options {
    ($(#[$doc:meta])* $table:ident of $owner:literal {
        $($option:ident = $name:literal, $example:literal;)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $table {
            $($option,)*
        }

        impl $crate::options::Table for $table {
            const OWNER: &'static str = $owner;
            const ALL: &'static [Self] = &[$(Self::$option,)*];
            const ELSEWHERE: $crate::options::Elsewhere<Self> = Self::WORDS;

            fn name(self) -> &'static str {
                match self {
                    $(Self::$option => $name,)*
                }
            }

            fn example(self) -> &'static str {
                match self {
                    $(Self::$option => $example,)*
                }
            }
        }
    };
}
use options;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_of_other_libraries_is_one_of_ours_or_listed_twice() {
        fn check<O: Table>() {
            let mut seen: Vec<&str> = Vec::new();
            for word in O::ELSEWHERE.iter().flat_map(|(words, _)| *words) {
                assert!(O::named(word).is_none(), "{word} is an option of {}", O::OWNER);
                assert!(!seen.contains(word), "{word} is listed twice for {}", O::OWNER);
                seen.push(word);
            }
        }
        check::<RetryOption>();
        check::<BudgetOption>();
        check::<BreakerOption>();
        check::<IdempotentOption>();
    }

    #[test]
    fn an_example_begins_with_the_options_name() {
        fn check<O: Table>() {
            for option in O::ALL {
                assert!(option.example().starts_with(option.name()));
            }
        }
        check::<RetryOption>();
        check::<BudgetOption>();
        check::<BreakerOption>();
        check::<IdempotentOption>();
    }

    #[test]
    fn names_are_read_in_any_case() {
        assert_eq!(snake_case("maxAttempts"), "max_attempts");
        assert_eq!(snake_case("MaxAttempts"), "max_attempts");
        assert_eq!(snake_case("max-attempts"), "max_attempts");
        assert_eq!(snake_case("max_attempts"), "max_attempts");
    }

    #[test]
    fn an_option_of_another_attribute_is_sent_there() {
        assert_eq!(
            RetryOption::help("failure_threshold", "3"),
            "write it as `#[circuit_breaker(failure_threshold = 3)]` below `#[retry]`"
        );
        assert_eq!(
            BreakerOption::help("max_attempts", "3"),
            "write it as `#[retry(max_attempts = 3)]` above `#[circuit_breaker]`"
        );
        assert_eq!(
            IdempotentOption::help("deadline", "\"30s\""),
            "write it as `#[retry(deadline = \"30s\")]` below `#[idempotent]`"
        );
    }
}
