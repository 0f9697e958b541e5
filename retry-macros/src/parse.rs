//! From tokens to the model, one option at a time.
//!
//! The arguments are split at their commas before anything is parsed, so that a fault in one
//! option hides no other. What a value may be is known to `values`, what options may stand beside
//! each other to `validate`.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::spanned::Spanned as _;
use syn::{Expr, Ident, Pat, Path, PathSegment, Token, Type};

use crate::diagnostics::{Diagnostics, all_of, excerpt, fault, fault_at, shortened, source};
use crate::model::{
    Backoff, Budget, Deadline, DurationValue, Entry, InlineBudget, Jitter, Nested, Retry, Rule,
    Spanned,
};
use crate::options::{BudgetOption, RetryOption, Table};
use crate::validate::{self, FunctionFacts, Given};
use crate::values::{self, Bounds, Named};

/// Reads the arguments of `#[retry(...)]`; what could not be read is missing in the model, and
/// `diagnostics` says why.
pub(crate) fn retry(
    args: TokenStream,
    facts: &FunctionFacts,
    diagnostics: &mut Diagnostics,
) -> Retry {
    let mut model = Retry::new(Span::call_site());
    let mut given = Given::default();
    for item in items::<RetryOption>(args, diagnostics) {
        let Some(option) = RetryOption::named(&item.word) else {
            diagnostics.push(item.unknown::<RetryOption>());
            continue;
        };
        if given.span(option).is_some() {
            diagnostics.push(item.twice::<RetryOption>());
            continue;
        }
        given.add(option, item.key());
        let result = read_retry(option, &item, facts, &mut model, diagnostics);
        diagnostics.keep(result);
    }
    validate::retry(&model, &given, facts, diagnostics);
    model
}

fn read_retry(
    option: RetryOption,
    item: &Item,
    facts: &FunctionFacts,
    model: &mut Retry,
    diagnostics: &mut Diagnostics,
) -> syn::Result<()> {
    let named = Named { name: option.name(), example: option.example() };
    let expr = || item.expr::<RetryOption>(option);
    let spanned = |value: Expr| item.spanned(value.span(), value);
    let duration = || {
        let expr = expr()?;
        Ok::<_, syn::Error>(item.spanned(expr.span(), values::duration(named, expr)?))
    };
    let callable =
        |what: &str| Ok::<_, syn::Error>(spanned(values::callable(named, what, expr()?)?));
    match option {
        RetryOption::MaxAttempts => {
            model.max_attempts = Some(spanned(values::count(named, 1, expr()?)?));
        }
        RetryOption::On => {
            if let Some(rule) = on(item, named, diagnostics)? {
                set_rule(model, item, rule, diagnostics);
            }
        }
        RetryOption::NotOn => model.not_on = not_on(item, named, diagnostics)?,
        RetryOption::When => {
            let Spanned { value, .. } = callable("a function `fn(&E) -> bool`")?;
            set_rule(model, item, item.spanned(value.span(), Rule::When(value)), diagnostics);
        }
        RetryOption::Classify => {
            let Spanned { value, .. } = callable("a function `fn(&E) -> Classification`")?;
            set_rule(model, item, item.spanned(value.span(), Rule::Classify(value)), diagnostics);
        }
        RetryOption::ClassifyValue => {
            let what = "a function `fn(&T) -> Option<Classification>`";
            model.classify_value = Some(callable(what)?);
        }
        RetryOption::WhenValue => {
            model.when_value = Some(callable("a function `fn(&T) -> bool`")?);
        }
        RetryOption::Backoff => model.backoff = Some(backoff(item, named, expr()?)?),
        RetryOption::BaseDelay => model.base_delay = Some(duration()?),
        RetryOption::MaxDelay => model.max_delay = Some(duration()?),
        RetryOption::Factor => {
            let bounds = Bounds { least: 1.0, most: f64::INFINITY };
            model.factor = Some(spanned(values::ratio(named, bounds, expr()?)?));
        }
        RetryOption::Jitter => {
            let words = [("full", Jitter::Full), ("equal", Jitter::Equal), ("none", Jitter::None)];
            let expr = expr()?;
            model.jitter = Some(item.spanned(expr.span(), values::word(named, &words, &expr)?));
        }
        RetryOption::AttemptTimeout => {
            model.attempt_timeout = Some(validate::not_zero(named, duration()?)?);
        }
        RetryOption::Deadline => model.deadline = Some(deadline(item, named, expr()?)?),
        RetryOption::MaxRetryAfter => model.max_retry_after = Some(duration()?),
        RetryOption::Policy => {
            let what = "the path of a `static RetryPolicy`";
            model.policy = Some(spanned(values::path(named, what, expr()?)?));
        }
        RetryOption::Budget => model.budget = budget(item, named, facts, diagnostics)?,
        RetryOption::Clone => model.clone = clone(item, facts, diagnostics)?,
        RetryOption::Context => model.context = Some(context(named, facts, &expr()?)?),
        RetryOption::OnRetry => model.on_retry = Some(callable("a function `fn(&RetryEvent)`")?),
        RetryOption::Nested => {
            let words = [("suppress", Nested::Suppress), ("allow", Nested::Allow)];
            let expr = expr()?;
            model.nested = Some(item.spanned(expr.span(), values::word(named, &words, &expr)?));
        }
        RetryOption::Name => {
            let expr = expr()?;
            model.name = Some(item.spanned(expr.span(), values::name(named, &expr)?));
        }
        RetryOption::Sleep => model.sleep = Some(callable("the path of an async function")?),
        RetryOption::MapTimeout => {
            model.map_timeout = Some(callable("a function `fn(AttemptTimeout) -> E`")?);
        }
        RetryOption::LogErrors => {
            let expr = expr()?;
            model.log_errors = Some(item.spanned(expr.span(), values::boolean(named, &expr)?));
        }
        RetryOption::LogLimit => {
            model.log_limit = Some(spanned(values::count(named, 0, expr()?)?));
        }
        RetryOption::Crate => {
            let expr = values::path(named, "a path", expr()?)?;
            model.crate_path = syn::parse2(expr.into_token_stream()).ok();
        }
    }
    Ok(())
}

// ---- items ----

/// What stands behind an option's name.
enum Shape {
    Flag,
    Assigned(TokenStream),
    Called(Group),
}

/// One option as it was written.
struct Item {
    /// The name, of more than one token if it is `max-attempts`.
    name: TokenStream,
    word: String,
    shape: Shape,
}

impl Item {
    fn key(&self) -> Span {
        self.name.span()
    }

    fn spanned<T>(&self, span: Span, value: T) -> Spanned<T> {
        Spanned { key: self.key(), span, value }
    }

    /// What was written as value, for text to paste.
    fn value_text(&self) -> String {
        match &self.shape {
            Shape::Flag => String::new(),
            Shape::Assigned(tokens) => source(tokens),
            Shape::Called(group) => source(&group.stream()),
        }
    }

    fn unknown<O: Table>(&self) -> syn::Error {
        fault(
            &self.name,
            format_args!("`{}` has no option `{}`", O::OWNER, shortened(&self.word)),
            O::help(&self.word, &self.value_text()),
        )
    }

    fn twice<O: Table>(&self) -> syn::Error {
        fault(
            &self.name,
            format_args!("`{}` is given twice", self.word),
            format_args!("keep one `{}` and remove the other", self.word),
        )
    }

    fn valueless<O: Table>(&self, option: O) -> syn::Error {
        fault(
            &self.name,
            format_args!("`{}` needs a value", option.name()),
            format_args!("write `{}`", option.example()),
        )
    }

    /// The tokens behind `=`.
    fn assigned<O: Table>(&self, option: O) -> syn::Result<&TokenStream> {
        match &self.shape {
            Shape::Assigned(tokens) if !tokens.is_empty() => Ok(tokens),
            Shape::Called(group) if !group.stream().is_empty() => Err(fault(
                group,
                format_args!(
                    "`{}` takes its value behind `=`, found `{}`",
                    option.name(),
                    excerpt(group)
                ),
                format_args!("write `{} = {}`", option.name(), excerpt(&group.stream())),
            )),
            _ => Err(self.valueless(option)),
        }
    }

    fn expr<O: Table>(&self, option: O) -> syn::Result<Expr> {
        let tokens = self.assigned(option)?;
        let parser =
            |input: ParseStream| Ok((input.parse::<Expr>()?, input.parse::<TokenStream>()?));
        match parser.parse2(tokens.clone()) {
            Ok((expr, rest)) if rest.is_empty() => Ok(expr),
            Ok((_, rest)) => Err(trailing(option, &rest)),
            Err(_) => Err(fault(
                tokens,
                format_args!(
                    "`{}` needs an expression, found `{}`",
                    option.name(),
                    excerpt(tokens)
                ),
                format_args!("write `{}`", option.example()),
            )),
        }
    }
}

/// Tokens behind a value that was complete.
fn trailing<O: Table>(option: O, rest: &TokenStream) -> syn::Error {
    let mut tokens = rest.clone().into_iter();
    match (tokens.next(), tokens.next()) {
        (Some(TokenTree::Ident(next)), Some(TokenTree::Punct(equals)))
            if equals.as_char() == '=' =>
        {
            fault(
                &next,
                format_args!("a comma is missing before `{next}`"),
                format_args!("write `, {}`", excerpt(rest)),
            )
        }
        _ => fault(
            rest,
            format_args!(
                "`{}` takes one value, found `{}` behind it",
                option.name(),
                excerpt(rest)
            ),
            format_args!("write `{}`", option.example()),
        ),
    }
}

/// The options of one pair of parentheses; what is no option is reported and left out.
fn items<O: Table>(tokens: TokenStream, diagnostics: &mut Diagnostics) -> Vec<Item> {
    let mut items = Vec::new();
    for (chunk, comma) in split(tokens, Angles::InTypesOnly) {
        if chunk.is_empty() {
            if let Some(comma) = comma {
                diagnostics.error(
                    comma,
                    "an option is missing before this comma",
                    "remove the comma",
                );
            }
        } else if too_large(&chunk) {
            diagnostics.push(fault(
                &chunk,
                format_args!("an option of `{}` is too long to be read", O::OWNER),
                "move the value into a `const` or a function, and name it here",
            ));
        } else if let Some(item) = diagnostics.keep(item::<O>(chunk)) {
            items.push(item);
        }
    }
    items
}

fn item<O: Table>(chunk: TokenStream) -> syn::Result<Item> {
    let mut name = TokenStream::new();
    let mut word = String::new();
    let mut tokens = chunk.clone().into_iter().peekable();
    while let Some(token) = tokens.peek() {
        match token {
            TokenTree::Ident(ident) if word.is_empty() || word.ends_with('-') => {
                word.push_str(&ident.unraw().to_string());
            }
            TokenTree::Punct(dash) if dash.as_char() == '-' && !word.is_empty() => word.push('-'),
            _ => break,
        }
        name.extend(tokens.next());
    }
    if word.is_empty() {
        return Err(positional::<O>(&chunk));
    }
    let shape = match tokens.next() {
        None => Shape::Flag,
        Some(TokenTree::Punct(equals)) if equals.as_char() == '=' => {
            Shape::Assigned(tokens.collect())
        }
        Some(TokenTree::Group(group))
            if group.delimiter() == Delimiter::Parenthesis && tokens.peek().is_none() =>
        {
            Shape::Called(group)
        }
        // `max_attempts: 3` and `max_attempts 3`
        Some(first) => {
            let colon = matches!(&first, TokenTree::Punct(punct) if punct.as_char() == ':');
            let value: TokenStream = if colon {
                tokens.collect()
            } else {
                std::iter::once(first).chain(tokens).collect()
            };
            let Some(option) = O::named(&word) else {
                return Ok(Item { name, word, shape: Shape::Assigned(value) });
            };
            let write = if value.is_empty() {
                option.example().to_owned()
            } else {
                format!("{word} = {}", excerpt(&value))
            };
            return Err(fault(
                &chunk,
                format_args!("`{word}` takes its value behind `=`, found `{}`", excerpt(&chunk)),
                format_args!("write `{write}`"),
            ));
        }
    };
    Ok(Item { name, word, shape })
}

/// A value without a name.
fn positional<O: Table>(chunk: &TokenStream) -> syn::Error {
    let expr = syn::parse2::<Expr>(chunk.clone()).ok();
    let found = expr.as_ref().map_or_else(|| format!("`{}`", excerpt(chunk)), values::found);
    let help = O::ALL
        .first()
        .map(|option| format!("write `{}`, for example", option.example()))
        .unwrap_or_default();
    fault(chunk, format_args!("`{}` takes its options by name, found {found}", O::OWNER), help)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Angles {
    /// Every `<` opens generics.
    Always,
    /// A `<` opens generics behind `::` or where a value begins; elsewhere it compares.
    InTypesOnly,
}

/// Splits at the commas that are in no group, no generics and no closure's head. Each chunk comes
/// with the comma behind it.
fn split(tokens: TokenStream, angles: Angles) -> Vec<(TokenStream, Option<Span>)> {
    let mut chunks = Vec::new();
    let mut chunk = TokenStream::new();
    let mut depth = 0_usize;
    let mut closure_head = false;
    // The characters before this one, as far back as they matter.
    let (mut before, mut before_that) = (None, None);
    for token in tokens {
        let here = match &token {
            TokenTree::Punct(punct) => Some(punct.as_char()),
            _ => None,
        };
        let begins = chunk.is_empty() || before == Some('=');
        match here {
            Some(',') if depth == 0 && !closure_head => {
                chunks.push((std::mem::take(&mut chunk), Some(token.span())));
                (before, before_that) = (None, None);
                continue;
            }
            Some('<') => {
                let path = before == Some(':') && before_that == Some(':');
                if depth > 0 || path || begins || angles == Angles::Always {
                    depth += 1;
                }
            }
            Some('>') if !matches!(before, Some('-' | '=')) => depth = depth.saturating_sub(1),
            Some('|') if angles == Angles::InTypesOnly => {
                let moved = matches!(chunk.clone().into_iter().last(),
                    Some(TokenTree::Ident(ident)) if ident == "move");
                closure_head = !closure_head && (begins || moved);
            }
            _ => {}
        }
        chunk.extend([token]);
        before_that = before;
        before = here;
    }
    if !chunk.is_empty() {
        chunks.push((chunk, None));
    }
    chunks
}

/// Parsing recurses, and a stack overflow is no error message.
fn too_large(tokens: &TokenStream) -> bool {
    const DEEPEST: usize = 64;
    const MOST: usize = 1_000;
    let mut open = vec![tokens.clone().into_iter()];
    let mut count = 0;
    while let Some(innermost) = open.last_mut() {
        match innermost.next() {
            None => {
                open.pop();
                continue;
            }
            Some(TokenTree::Group(group)) => open.push(group.stream().into_iter()),
            Some(_) => {}
        }
        count += 1;
        if count > MOST || open.len() > DEEPEST {
            return true;
        }
    }
    false
}

/// The group that is all there is, through the invisible groups that `macro_rules!` leaves.
fn only_group(tokens: &TokenStream, delimiter: Delimiter) -> Option<TokenStream> {
    let mut tokens = tokens.clone();
    loop {
        let mut iter = tokens.into_iter();
        match (iter.next(), iter.next()) {
            (Some(TokenTree::Group(group)), None) if group.delimiter() == delimiter => {
                return Some(group.stream());
            }
            (Some(TokenTree::Group(group)), None) if group.delimiter() == Delimiter::None => {
                tokens = group.stream();
            }
            _ => return None,
        }
    }
}

// ---- on, not_on ----

fn set_rule(model: &mut Retry, item: &Item, rule: Spanned<Rule>, diagnostics: &mut Diagnostics) {
    let word = |rule: &Rule| match rule {
        Rule::On(_) | Rule::Any => "on",
        Rule::When(_) => "when",
        Rule::Classify(_) => "classify",
    };
    match &model.rule {
        None => model.rule = Some(rule),
        Some(first) => diagnostics.push(fault(
            &item.name,
            format_args!(
                "`{}` and `{}` both decide which errors are retried",
                word(&first.value),
                word(&rule.value)
            ),
            format_args!("keep one of {}", all_of([word(&first.value), word(&rule.value)])),
        )),
    }
}

fn on(
    item: &Item,
    named: Named,
    diagnostics: &mut Diagnostics,
) -> syn::Result<Option<Spanned<Rule>>> {
    let tokens = item.assigned_list(RetryOption::On)?;
    if tokens.to_string() == "any" {
        return Ok(Some(item.spanned(tokens.span(), Rule::Any)));
    }
    let entries = entries(tokens, named, diagnostics)?;
    // A list whose entries were all refused says nothing; it must not seem to retry nothing.
    Ok((!entries.is_empty()).then(|| item.spanned(tokens.span(), Rule::On(entries))))
}

fn not_on(item: &Item, named: Named, diagnostics: &mut Diagnostics) -> syn::Result<Vec<Entry>> {
    let tokens = item.assigned_list(RetryOption::NotOn)?;
    if tokens.to_string() == "any" {
        let what = "`not_on = any` would never retry";
        return Err(fault(tokens, what, "remove the attribute, or list what is not retried"));
    }
    entries(tokens, named, diagnostics)
}

impl Item {
    /// As `assigned`, for an option that takes a list.
    fn assigned_list(&self, option: RetryOption) -> syn::Result<&TokenStream> {
        match &self.shape {
            Shape::Called(group) if !group.stream().is_empty() => Err(fault(
                group,
                format_args!(
                    "`{}` needs a list behind `=`, found `{}`",
                    option.name(),
                    excerpt(group)
                ),
                format_args!("write `{} = [{}]`", option.name(), excerpt(&group.stream())),
            )),
            _ => self.assigned(option),
        }
    }
}

fn entries(
    tokens: &TokenStream,
    named: Named,
    diagnostics: &mut Diagnostics,
) -> syn::Result<Vec<Entry>> {
    let name = named.name;
    let Some(list) = only_group(tokens, Delimiter::Bracket) else {
        return Err(not_a_list(tokens, named));
    };
    if list.is_empty() {
        let help = if name == "on" {
            format!("write `{}`, or `on = any` for every error", named.example)
        } else {
            format!("write `{}`, or remove `{name}`", named.example)
        };
        return Err(fault(tokens, format_args!("`{name} = []` lists nothing"), help));
    }
    let mut entries = Vec::new();
    let mut texts: Vec<String> = Vec::new();
    for (chunk, comma) in split(list, Angles::Always) {
        if chunk.is_empty() {
            if let Some(comma) = comma {
                let what = format!("an entry of `{name}` is missing before this comma");
                diagnostics.error(comma, what, "remove the comma");
            }
            continue;
        }
        let text = source(&chunk);
        if texts.contains(&text) {
            diagnostics.push(fault(
                &chunk,
                format_args!("`{}` is listed twice in `{name}`", shortened(&text)),
                "remove one of the two",
            ));
            continue;
        }
        texts.push(text);
        entries.extend(diagnostics.keep(entry(chunk, named)));
    }
    Ok(entries)
}

fn not_a_list(tokens: &TokenStream, named: Named) -> syn::Error {
    let name = named.name;
    let expr = syn::parse2::<Expr>(tokens.clone()).ok();
    let found = expr.as_ref().map_or_else(|| format!("`{}`", excerpt(tokens)), values::found);
    let mut starts = tokens.clone().into_iter();
    let help = match (starts.next(), &expr) {
        (Some(TokenTree::Group(_)), _) if starts.next().is_some() => {
            // `[A] deadline = …`
            let rest: TokenStream = tokens.clone().into_iter().skip(1).collect();
            return trailing(RetryOption::named(name).unwrap_or(RetryOption::On), &rest);
        }
        (_, Some(Expr::Closure(_))) => format!("write `when = {}`", excerpt(tokens)),
        (_, Some(expr)) if matches!(values::literal(expr), Some((_, syn::Lit::Str(_)))) => {
            let path = values::literal(expr).and_then(|(_, lit)| match lit {
                syn::Lit::Str(text) => text.parse::<Path>().ok(),
                _ => None,
            });
            path.map_or_else(
                || format!("write `{}`", named.example),
                |path| format!("write `{name} = [{}]`", excerpt(&path)),
            )
        }
        _ => {
            let inner = only_group(tokens, Delimiter::Parenthesis)
                .or_else(|| only_group(tokens, Delimiter::Brace))
                .filter(|inner| !inner.is_empty())
                .unwrap_or_else(|| tokens.clone());
            format!("write `{name} = [{}]`", excerpt(&inner))
        }
    };
    fault(tokens, format_args!("`{name}` needs a list in brackets, found {found}"), help)
}

/// One type, variant or pattern.
fn entry(tokens: TokenStream, named: Named) -> syn::Result<Entry> {
    let name = named.name;
    let mut starts = tokens.clone().into_iter();
    match (starts.next(), starts.next(), starts.next()) {
        (Some(TokenTree::Ident(is)), Some(TokenTree::Group(group)), None)
            if is == "is" && group.delimiter() == Delimiter::Parenthesis =>
        {
            let inner = group.stream();
            return syn::parse2(inner.clone()).map(Entry::Type).map_err(|_| {
                fault(
                    &tokens,
                    format_args!("`is(…)` needs one type, found `{}`", excerpt(&inner)),
                    format_args!("write `{name} = [is(path::Type)]`"),
                )
            });
        }
        (Some(TokenTree::Ident(any)), None, None) if any == "any" => {
            return Err(everything(&tokens, name));
        }
        _ => {}
    }
    if let Ok(path) = syn::parse2::<Path>(tokens.clone()) {
        return Ok(bare_path(path));
    }
    if matches!(syn::parse2(tokens.clone()), Ok(Type::Path(_))) {
        // `<T as Trait>::Error`: no variant can be reached this way.
        return syn::parse2(tokens).map(Entry::Type);
    }
    let parser = |input: ParseStream| {
        Ok((Pat::parse_multi_with_leading_vert(input)?, input.parse::<TokenStream>()?))
    };
    match parser.parse2(tokens.clone()) {
        Ok((pattern, rest)) if rest.is_empty() => {
            let owner = owner(&pattern, name)?;
            Ok(Entry::Pattern { owner, pattern })
        }
        Ok((pattern, rest)) if starts_with_if(&rest) => Err(fault(
            &rest,
            format_args!("an entry of `{name}` takes no `if`, found `{}`", excerpt(&rest)),
            format_args!(
                "write `when = |error| matches!(error, {} {})`",
                excerpt(&pattern),
                excerpt(&rest)
            ),
        )),
        _ => Err(no_entry(&tokens, named)),
    }
}

fn starts_with_if(tokens: &TokenStream) -> bool {
    matches!(tokens.clone().into_iter().next(), Some(TokenTree::Ident(ident)) if ident == "if")
}

fn no_entry(tokens: &TokenStream, named: Named) -> syn::Error {
    let name = named.name;
    let help = if matches!(syn::parse2(tokens.clone()), Ok(Expr::Closure(_))) {
        format!("write `when = {}`", excerpt(tokens))
    } else if syn::parse2::<Type>(tokens.clone()).is_ok() {
        format!("write `{name} = [is({})]`", excerpt(tokens))
    } else {
        format!("write `{}`", named.example)
    };
    fault(
        tokens,
        format_args!(
            "an entry of `{name}` is a type, a variant or a pattern, found `{}`",
            excerpt(tokens)
        ),
        help,
    )
}

/// An entry that would match every error.
fn everything(place: &impl ToTokens, name: &str) -> syn::Error {
    let found = excerpt(place);
    let what = format!("the entry `{found}` of `{name}` matches every error");
    let help = if name == "on" {
        "write `on = any` to retry every error"
    } else {
        "remove the attribute, or list what is not retried"
    };
    fault(place, what, help)
}

fn bare_path(path: Path) -> Entry {
    match owner_of_variant(&path) {
        Some(owner) => Entry::Variant { owner, variant: path },
        None => Entry::Type(Type::Path(syn::TypePath { attrs: Vec::new(), qself: None, path })),
    }
}

/// The path without its last segment, if what remains names a type.
fn owner_of_variant(path: &Path) -> Option<Path> {
    let mut owner = path.clone();
    owner.segments.pop();
    owner.segments.pop_punct();
    owner.segments.last().is_some_and(is_camel_case).then_some(owner)
}

fn is_camel_case(segment: &PathSegment) -> bool {
    segment
        .ident
        .unraw()
        .to_string()
        .trim_start_matches('_')
        .starts_with(|first: char| first.is_uppercase())
}

/// The type that a pattern belongs to: what has to be looked for among an error's sources.
fn owner(pattern: &Pat, name: &str) -> syn::Result<Option<Path>> {
    let of = |path: &Path| Some(owner_of_variant(path).unwrap_or_else(|| path.clone()));
    match pattern {
        Pat::Struct(pat) => Ok(of(&pat.path)),
        Pat::TupleStruct(pat) => Ok(of(&pat.path)),
        Pat::Path(pat) => Ok(of(&pat.path)),
        Pat::Paren(pat) => owner(&pat.pat, name),
        Pat::Reference(pat) => owner(&pat.pat, name),
        Pat::Wild(_) | Pat::Rest(_) => Err(everything(pattern, name)),
        Pat::Guard(pat) => Err(fault(
            pat,
            format_args!("an entry of `{name}` takes no `if`, found `{}`", excerpt(pat)),
            format_args!("write `when = |error| matches!(error, {})`", excerpt(pat)),
        )),
        Pat::Ident(pat) => match &pat.subpat {
            Some((_, inner)) => owner(inner, name),
            None => {
                let path = Path::from(pat.ident.clone());
                if path.segments.last().is_some_and(is_camel_case) {
                    Ok(Some(path))
                } else {
                    Err(everything(pattern, name))
                }
            }
        },
        Pat::Or(pat) => {
            let mut owners = Vec::new();
            for case in &pat.cases {
                owners.push(owner(case, name)?);
            }
            let texts: Vec<String> = owners.iter().map(|owner| source(owner)).collect();
            let first = owners.into_iter().next().flatten();
            match texts.iter().position(|text| *text != texts[0]) {
                None => Ok(first),
                Some(other) => Err(fault(
                    pat,
                    format_args!(
                        "the cases `{}` and `{}` of one pattern belong to different types",
                        excerpt(&pat.cases[0]),
                        excerpt(&pat.cases[other])
                    ),
                    format_args!(
                        "write them as entries of their own: `{name} = [{}, {}]`",
                        excerpt(&pat.cases[0]),
                        excerpt(&pat.cases[other])
                    ),
                )),
            }
        }
        // Literals, ranges, tuples, slices: the error itself.
        _ => Ok(None),
    }
}

// ---- the other options that are no plain value ----

fn backoff(item: &Item, named: Named, expr: Expr) -> syn::Result<Spanned<Backoff>> {
    const WORDS: [(&str, Word); 4] = [
        ("exponential", Word::Exponential),
        ("linear", Word::Linear),
        ("constant", Word::Constant),
        ("decorrelated", Word::Decorrelated),
    ];
    #[derive(Clone, Copy)]
    enum Word {
        Exponential,
        Linear,
        Constant,
        Decorrelated,
    }
    let span = expr.span();
    let unquoted = values::last_segment(&expr);
    if values::literal(&expr).is_none() && !WORDS.iter().any(|(word, _)| *word == unquoted) {
        let expr = values::callable(named, "a word in quotes or a value", expr)?;
        return Ok(item.spanned(span, Backoff::Custom(expr)));
    }
    let backoff = match values::word(named, &WORDS, &expr)? {
        Word::Exponential => Backoff::Exponential,
        Word::Linear => Backoff::Linear,
        Word::Constant => Backoff::Constant,
        Word::Decorrelated => Backoff::Decorrelated,
    };
    Ok(item.spanned(span, backoff))
}

/// `"10s"` or `soft("10s")`.
fn deadline(item: &Item, named: Named, expr: Expr) -> syn::Result<Spanned<Deadline>> {
    let mut soft = false;
    let mut value = expr;
    if let Expr::Call(call) = &value {
        if matches!(&*call.func, Expr::Path(path) if path.path.is_ident("soft")) {
            let (Some(inner), 1) = (call.args.first(), call.args.len()) else {
                return Err(fault(
                    &value,
                    format_args!("`soft(…)` needs one duration, found `{}`", excerpt(&value)),
                    "write `deadline = soft(\"30s\")`",
                ));
            };
            soft = true;
            value = inner.clone();
        }
    }
    let named = if soft { Named { example: "deadline = soft(\"30s\")", ..named } } else { named };
    let span = value.span();
    let duration: Spanned<DurationValue> =
        validate::not_zero(named, item.spanned(span, values::duration(named, value)?))?;
    Ok(item.spanned(span, Deadline { soft, value: duration.value }))
}

fn clone(
    item: &Item,
    facts: &FunctionFacts,
    diagnostics: &mut Diagnostics,
) -> syn::Result<Vec<Ident>> {
    let option = RetryOption::Clone;
    let list = match &item.shape {
        Shape::Called(group) if !group.stream().is_empty() => group.stream(),
        Shape::Assigned(tokens) if !tokens.is_empty() => {
            let inner = only_group(tokens, Delimiter::Bracket)
                .or_else(|| only_group(tokens, Delimiter::Parenthesis))
                .unwrap_or_else(|| tokens.clone());
            return Err(fault(
                tokens,
                format_args!("`clone` takes arguments in parentheses, found `{}`", excerpt(tokens)),
                format_args!("write `clone({})`", excerpt(&inner).trim_matches('"')),
            ));
        }
        _ => {
            let what = "`clone` needs the names of arguments";
            let help = match facts.arguments.as_slice() {
                [] => "remove it; the function has no arguments".to_owned(),
                [first, ..] => format!("write `clone({first})`"),
            };
            let _ = option;
            return Err(fault(&item.name, what, help));
        }
    };
    let mut names: Vec<Ident> = Vec::new();
    for (chunk, comma) in split(list, Angles::Always) {
        if chunk.is_empty() {
            if let Some(comma) = comma {
                diagnostics.error(comma, "a name is missing before this comma", "remove the comma");
            }
            continue;
        }
        let Ok(name) = Ident::parse_any.parse2(chunk.clone()) else {
            diagnostics.push(fault(
                &chunk,
                format_args!("`clone` needs the names of arguments, found `{}`", excerpt(&chunk)),
                values::argument_help("", &facts.arguments, |name| format!("clone({name})")),
            ));
            continue;
        };
        let text = name.unraw().to_string();
        if names.contains(&name) {
            diagnostics.error(
                name.span(),
                format_args!("`{name}` is listed twice in `clone`"),
                "remove one of the two",
            );
        } else if facts.has_argument(&text) {
            names.push(name);
        } else {
            diagnostics.error(
                name.span(),
                format_args!("`{name}` in `clone` names no argument of the function"),
                values::argument_help(&text, &facts.arguments, |name| format!("clone({name})")),
            );
        }
    }
    Ok(names)
}

fn context(named: Named, facts: &FunctionFacts, expr: &Expr) -> syn::Result<Ident> {
    let ident = values::identifier(named, expr)?;
    if facts.has_argument(&ident.unraw().to_string()) {
        let free = ["attempt", "retry_attempt", "this_attempt"]
            .into_iter()
            .find(|name| !facts.has_argument(name))
            .unwrap_or("__attempt");
        return Err(fault(
            expr,
            format_args!("`context = {ident}` would hide the argument `{ident}`"),
            format_args!("write `context = {free}`"),
        ));
    }
    Ok(ident)
}

fn budget(
    item: &Item,
    named: Named,
    facts: &FunctionFacts,
    diagnostics: &mut Diagnostics,
) -> syn::Result<Option<Spanned<Budget>>> {
    const INLINE: &str = "budget(tokens_per_second = 10, max_tokens = 50)";
    if let Shape::Called(group) = &item.shape {
        let inline = inline_budget(group.stream(), facts, diagnostics);
        if group.stream().is_empty() {
            return Err(fault(
                &item.name,
                "`budget()` says nothing",
                format_args!("write `{INLINE}`"),
            ));
        }
        return Ok(Some(item.spanned(group.span(), Budget::Inline(inline))));
    }
    let expr = item.expr(RetryOption::Budget)?;
    let span = expr.span();
    match &expr {
        Expr::Path(path) if path.path.is_ident("none") => {
            return Ok(Some(item.spanned(span, Budget::None)));
        }
        Expr::Path(path) if path.path.is_ident("None") => {
            return Err(fault(
                &expr,
                "`budget` needs `none` in lower case, found the path `None`",
                "write `budget = none`",
            ));
        }
        Expr::Call(call) if matches!(&*call.func, Expr::Path(path) if path.path.is_ident("budget")) =>
        {
            return Err(fault(
                &expr,
                format_args!(
                    "`budget(…)` stands without `budget =`, found {}",
                    values::found(&expr)
                ),
                format_args!("write `{}`", excerpt(&expr)),
            ));
        }
        _ => {}
    }
    let what = "the path of a `static RetryBudget`, or `none`";
    let example = match values::literal(&expr) {
        Some((_, syn::Lit::Int(_) | syn::Lit::Float(_))) | None => INLINE,
        Some(_) => named.example,
    };
    // A budget that is made in place would be a new one for every call.
    let path = values::path(Named { example, ..named }, what, expr)?;
    Ok(Some(item.spanned(span, Budget::Path(path))))
}

fn inline_budget(
    tokens: TokenStream,
    facts: &FunctionFacts,
    diagnostics: &mut Diagnostics,
) -> InlineBudget {
    let mut budget = InlineBudget::default();
    let mut given = Vec::new();
    for item in items::<BudgetOption>(tokens, diagnostics) {
        let Some(option) = BudgetOption::named(&item.word) else {
            diagnostics.push(item.unknown::<BudgetOption>());
            continue;
        };
        if given.contains(&option) {
            diagnostics.push(item.twice::<BudgetOption>());
            continue;
        }
        given.push(option);
        let result = read_budget(option, &item, facts, &mut budget);
        diagnostics.keep(result);
    }
    validate::budget(&budget, &given, diagnostics);
    budget
}

fn read_budget(
    option: BudgetOption,
    item: &Item,
    facts: &FunctionFacts,
    budget: &mut InlineBudget,
) -> syn::Result<()> {
    let named = Named { name: option.name(), example: option.example() };
    let expr = item.expr::<BudgetOption>(option)?;
    let span = expr.span();
    let unbounded = |least| Bounds { least, most: f64::INFINITY };
    match option {
        BudgetOption::TokensPerSecond => {
            let value = values::number(named, unbounded(0.0), expr)?;
            budget.tokens_per_second = Some(item.spanned(span, value));
        }
        BudgetOption::MaxTokens => {
            let value = values::number(named, unbounded(1.0), expr)?;
            budget.max_tokens = Some(item.spanned(span, value));
        }
        BudgetOption::Ratio => {
            let bounds = Bounds { least: 0.0, most: 1.0 };
            budget.ratio = Some(item.spanned(span, values::ratio(named, bounds, expr)?));
        }
        BudgetOption::Name => {
            budget.name = Some(item.spanned(span, values::name(named, &expr)?));
        }
        BudgetOption::Key => {
            let key = values::template(named, &facts.arguments, &expr)?;
            budget.key = Some(item.spanned(span, key));
        }
    }
    Ok(())
}
