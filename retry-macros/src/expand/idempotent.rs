//! `#[idempotent]` around everything else: its static, its key, and one claim that spans all attempts.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};

use super::breaker::key;
use super::chain::Chain;
use super::function::Frame;
use super::policy::duration;
use crate::model::{Idempotent, OnDrop, OnLeaseLost, OnStoreDown, OnUnknown, Replay, Spanned};
use crate::runtime_path::at;

/// The static that holds what the attribute says.
pub(super) fn statics(
    idempotent: &Idempotent,
    operation: &TokenStream,
    private: &TokenStream,
) -> TokenStream {
    let Idempotent {
        key,
        ttl,
        store: _,
        fingerprint: _,
        lease,
        wait,
        on_unknown,
        on_store_down,
        on_drop: _,
        on_lease_lost,
        scope,
        version,
        replay,
        record_errors: _,
        map_error: _,
        context: _,
        name: _,
        crate_path: _,
    } = idempotent;
    let site = Span::mixed_site();
    let mut chain = Chain::of("__steadfast_spec");
    for (option, method) in [(ttl, "ttl"), (lease, "lease"), (wait, "wait")] {
        if let Some(Spanned { span, value, .. }) = option {
            chain.add(*span, method, duration(value));
        }
    }
    if let Some(Spanned { span, value, .. }) = scope {
        chain.add(*span, "scope", quote!(#value));
    }
    if let Some(Spanned { span, value, .. }) = version {
        chain.add(*span, "version", quote!(#value));
    }
    if let Some(Spanned { span, value, .. }) = on_unknown {
        match value {
            OnUnknown::Hold => {}
            OnUnknown::Rerun => chain.add(*span, "rerun_unknown", TokenStream::new()),
            OnUnknown::Reconcile(_) => chain.add(*span, "reconcile_unknown", TokenStream::new()),
        }
    }
    if let Some(Spanned { span, value: OnStoreDown::Run, .. }) = on_store_down {
        chain.add(*span, "run_when_store_down", TokenStream::new());
    }
    if let Some(Spanned { span, value: OnLeaseLost::Continue, .. }) = on_lease_lost {
        chain.add(*span, "continue_when_lease_lost", TokenStream::new());
    }
    if let Some(Spanned { span, value: Replay::Keyed, .. }) = replay {
        chain.add(*span, "replay_keyed", TokenStream::new());
    }
    let (template, span) = (&key.value.text, site.located_at(key.span));
    let private_at_key = at(private, span);
    let new = quote_spanned!(span => #private_at_key::Spec::new(#template, #operation));
    quote_spanned! { site =>
        static __STEADFAST_IDEMPOTENCY: #private::Spec = {
            let __steadfast_spec = #new;
            #chain
            __steadfast_spec.counted(&__STEADFAST_OPERATION)
        };
    }
}

/// What is listed of it.
pub(super) fn facts(idempotent: &Idempotent, private: &TokenStream) -> TokenStream {
    let site = Span::mixed_site();
    let template = &idempotent.key.value.text;
    let ttl = ttl(idempotent, private);
    let mut facts =
        quote_spanned!(site => #private::KeyFacts::new(#template, #ttl, #private::memory_in_use));
    if let Some(store) = &idempotent.store {
        let text = crate::diagnostics::source(&store.value);
        facts.extend(quote_spanned!(site => .store(#text, #private::elsewhere)));
    }
    if let Some(scope) = &idempotent.scope {
        let scope = &scope.value;
        facts.extend(quote_spanned!(site => .scope(#scope)));
    }
    if let Some(version) = &idempotent.version {
        let text = crate::diagnostics::source(&version.value);
        facts.extend(quote_spanned!(site => .version(#text)));
    }
    facts
}

fn ttl(idempotent: &Idempotent, private: &TokenStream) -> TokenStream {
    match &idempotent.ttl {
        Some(ttl) => duration(&ttl.value),
        None => quote_spanned!(Span::mixed_site() => #private::Spec::TTL),
    }
}

/// How long the record is kept, where the retrying must not last longer and that has not been checked:
/// the `ttl` or something of the policy, at `unknown`, is not known here. With the place to point at.
pub(super) fn outlives(
    idempotent: &Idempotent,
    unknown: Option<Span>,
    private: &TokenStream,
) -> Option<(Span, TokenStream)> {
    let said = idempotent.ttl.as_ref().filter(|ttl| ttl.value.literal().is_none());
    let span = said.map(|ttl| ttl.span).or(unknown)?;
    Some((span, ttl(idempotent, private)))
}

/// Whether only what surely never reached the other side may be tried again.
pub(super) fn is_unsent_only(idempotent: &Idempotent) -> bool {
    !matches!(&idempotent.replay, Some(Spanned { value: Replay::Keyed, .. }))
}

impl Frame<'_> {
    /// The statements that bind the key and, where the body asks, what is handed downstream.
    pub(super) fn idempotency_key(&self) -> Option<TokenStream> {
        let private = &self.private;
        let site = Span::mixed_site();
        if let Some(idempotent) = self.idempotent {
            let key = key(&idempotent.key, private);
            let handed = self.context.is_some().then(|| {
                quote_spanned! { site =>
                    let __steadfast_handed =
                        __STEADFAST_IDEMPOTENCY.idempotency_key(&__steadfast_key);
                }
            });
            return Some(quote_spanned!(site => let __steadfast_key = #key; #handed));
        }
        self.context.as_ref().map(
            |_| quote_spanned!(site => let __steadfast_handed = #private::IdempotencyKey::drawn();),
        )
    }

    /// The call of the runtime around the statements of everything inside.
    pub(super) fn claimed(&self, idempotent: &Idempotent, inside: &TokenStream) -> TokenStream {
        let private = &self.private;
        let site = Span::mixed_site();
        let store = match &idempotent.store {
            Some(store) => {
                let (value, span) = (&store.value, site.located_at(store.span));
                quote_spanned!(span => &(#value))
            }
            None => quote_spanned!(site => &#private::default_store()),
        };
        let print = if idempotent.fingerprint.is_empty() {
            quote_spanned!(site => ::core::option::Option::None)
        } else {
            let parts = idempotent.fingerprint.iter().map(|argument| {
                let span = site.located_at(argument.span());
                quote_spanned!(span => .part(&#argument))
            });
            quote_spanned!(site => ::core::option::Option::Some(#private::Fingerprint::new()#(#parts)*))
        };
        let span = site.located_at(self.output_span);
        let (at_output, output) = (at(private, span), self.output_tokens());
        let recorded = idempotent.record_errors.as_ref().is_some_and(|on| on.value.value);
        let stored = if recorded { "values_and_errors" } else { "values" };
        let stored = syn::Ident::new(stored, span);
        let replay = quote_spanned!(span => #at_output::Replay::<#output>::#stored());
        let detached = matches!(&idempotent.on_drop, Some(Spanned { value: OnDrop::Detach, .. }));
        let reconcile = match &idempotent.on_unknown {
            Some(Spanned { value: OnUnknown::Reconcile(reconcile), span, .. }) => {
                Some((reconcile, site.located_at(*span)))
            }
            _ => None,
        };
        let run = match (self.is_async(), detached, reconcile.is_some()) {
            (true, false, false) => "run",
            (true, false, true) => "run_reconciled",
            (true, true, false) => "run_detached",
            (true, true, true) => "run_detached_reconciled",
            (false, _, false) => "run_blocking",
            (false, _, true) => "run_blocking_reconciled",
        };
        let run = syn::Ident::new(run, site);
        let ask = reconcile.map(|(reconcile, span)| quote_spanned!(span => #reconcile,));
        let body = match (self.is_async(), detached) {
            (true, false) => quote_spanned!(site => async { #inside }),
            (true, true) => quote_spanned!(site => async move { #inside }),
            (false, _) => quote_spanned!(site => || { #inside }),
        };
        let (key, waited) = if self.is_async() {
            (quote_spanned!(site => __steadfast_key), Some(quote_spanned!(site => .await)))
        } else {
            (quote_spanned!(site => &__steadfast_key), None)
        };
        let run = quote_spanned! { site =>
            #private::#run(&__STEADFAST_IDEMPOTENCY, #store, #key, #print, #replay, #ask #body)#waited
        };
        let error = match &idempotent.map_error {
            Some(map) => {
                let (map, span) = (&map.value, site.located_at(map.span));
                let private = at(private, span);
                quote_spanned!(span => #private::unclaimed::<#output>(#map, __steadfast_error))
            }
            None => quote_spanned!(span => #at_output::Unclaimed::unclaimed(__steadfast_error)),
        };
        let refused = self.failure(&error);
        quote_spanned! { site =>
            match #run {
                ::core::result::Result::Ok(__steadfast_outcome) => __steadfast_outcome,
                ::core::result::Result::Err(__steadfast_error) => { #refused }
            }
        }
    }
}
