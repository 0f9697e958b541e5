//! The search for an order of operations that explains their answers (Wing and Gong), with what was
//! already tried remembered (Lowe).

use std::collections::HashSet;
use std::time::Duration;

use super::model::{Model, NEVER, Window};
use super::{Answer, Ask, Event};
use steadfast::idempotency::{Claimed, Written};

/// Beyond it a history is too tangled to be checked, which is not the same as wrong.
const MOST: usize = 2_000_000;

#[derive(Debug)]
struct Step<'a> {
    ask: &'a Ask,
    asked: Duration,
    /// Until then it was made; never, when nobody heard the answer.
    answered: Duration,
    answer: Option<&'a Answer>,
    /// Whether it may also not have been made at all.
    optional: bool,
}

/// Looks for an order of `events`, which are sorted by the time they were asked.
pub(super) fn explain(events: &[&Event], repeats: bool) -> Result<(), String> {
    let mut steps = Vec::new();
    for event in events {
        let heard = event.answer.as_ref();
        let answered = heard.map_or(NEVER, |(at, _)| *at);
        let answer = heard.map(|(_, answer)| answer);
        let step = |answer, optional| Step {
            ask: &event.ask,
            asked: event.asked,
            answered,
            answer,
            optional,
        };
        steps.push(step(answer, answer.is_none()));
        // The first time may have been made and its answer lost; then this is the second's.
        let ends = matches!(
            event.ask,
            Ask::Release { .. } | Ask::MarkUnknown { .. } | Ask::Resolve { .. }
        );
        // A claim can outlive its own lease between the two.
        let lapsed = matches!(event.ask, Ask::Claim { lease, .. } if answered > event.asked + lease)
            && matches!(
                answer,
                Some(Answer::Claimed(
                    Claimed::Unknown { .. } | Claimed::Owned { was_unknown: true, .. }
                ))
            );
        let lost = ends && matches!(answer, Some(Answer::Written(Written::Lost { .. })));
        if repeats && (lost || lapsed) {
            steps.push(step(None, true));
        }
    }
    Search { steps: &steps, tried: HashSet::new(), deepest: 0, stuck: String::new() }.run()
}

struct Search<'a> {
    steps: &'a [Step<'a>],
    tried: HashSet<(Vec<u64>, Model)>,
    /// For the report: how many of the answers could be explained, by what record, and which could
    /// not.
    deepest: usize,
    stuck: String,
}

impl Search<'_> {
    fn run(mut self) -> Result<(), String> {
        let mut stack = vec![(vec![0_u64; self.steps.len().div_ceil(64)], Model::NEW)];
        while let Some((made, model)) = stack.pop() {
            let open: Vec<usize> =
                (0..self.steps.len()).filter(|index| !contains(&made, *index)).collect();
            if open.iter().all(|index| self.steps[*index].optional) {
                return Ok(());
            }
            let explained = self.steps.len() - open.len();
            if explained >= self.deepest {
                self.deepest = explained;
                let due = open.iter().map(|index| &self.steps[*index]);
                let next = due.filter(|step| !step.optional).min_by_key(|step| step.answered);
                self.stuck = format!("{model:?} and then {next:?}");
            }
            if self.tried.len() > MOST {
                return Err(format!("no decision after {MOST} orders"));
            }
            // Whatever is made next is made before any of the open ones is answered.
            let first_answer = open
                .iter()
                .map(|index| &self.steps[*index])
                .filter(|step| !step.optional)
                .map(|step| step.answered)
                .min()
                .unwrap_or(NEVER);
            // And not before those that were made already had been asked.
            let floor = (0..self.steps.len())
                .filter(|index| contains(&made, *index))
                .map(|index| self.steps[index].asked)
                .max()
                .unwrap_or_default();
            // The last is tried first: what may be left out comes last, since most of it was not made.
            let (optional, due): (Vec<_>, Vec<_>) =
                open.into_iter().partition(|index| self.steps[*index].optional);
            for index in optional.into_iter().chain(due) {
                let step = &self.steps[index];
                if step.asked > first_answer {
                    continue;
                }
                let window =
                    Window { from: step.asked.max(floor), to: step.answered.min(first_answer) };
                if window.from > window.to {
                    continue;
                }
                for next in model.after(step.ask, step.answer, window) {
                    // What may be left out and changes nothing is left out.
                    if step.answer.is_none() && next == model {
                        continue;
                    }
                    let mut made = made.clone();
                    made[index / 64] |= 1 << (index % 64);
                    let tried = (made, next);
                    if !self.tried.contains(&tried) {
                        self.tried.insert(tried.clone());
                        stack.push(tried);
                    }
                }
            }
        }
        Err(format!(
            "no order explains more than {} of the operations, as {}",
            self.deepest, self.stuck
        ))
    }
}

fn contains(made: &[u64], index: usize) -> bool {
    made[index / 64] & (1 << (index % 64)) != 0
}
