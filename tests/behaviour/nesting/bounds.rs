//! How many calls a tree costs, whatever it looks like and however its parts call each other.

use std::sync::Arc;

use proptest::prelude::*;

use super::Answer;
use super::tree::{ATTEMPTS, Node, Way, answered, run_async, run_sync};

/// Trees of at most four layers above the leaves.
fn trees(
    ways: &'static [Way],
    answers: impl Strategy<Value = Vec<Answer>> + 'static,
    allow: impl Strategy<Value = bool> + Clone + 'static,
) -> impl Strategy<Value = Arc<Node>> {
    let leaf =
        (answers, allow.clone()).prop_map(|(answers, allow)| Node::leaf(answers).allowing(allow));
    let tree = leaf.prop_recursive(4, 12, 3, move |inner| {
        let branches = prop::collection::vec(inner, 1..=3);
        (branches, prop::sample::select(ways), allow.clone())
            .prop_map(|(branches, way, allow)| Node::above(branches, way).allowing(allow))
    });
    tree.prop_map(Arc::new)
}

/// Ways that inherit, and by which every branch comes to its end.
const INHERITING: &[Way] = &[Way::OneByOne, Way::Joined, Way::Carried, Way::Blocking];
const COMPLETE: &[Way] = &[Way::OneByOne, Way::Joined, Way::Carried, Way::Blocking, Way::Spawned];
const ALL: &[Way] =
    &[Way::OneByOne, Way::Joined, Way::Carried, Way::Blocking, Way::Spawned, Way::Raced];

fn scripts() -> impl Strategy<Value = Vec<Answer>> {
    let answer = prop_oneof![
        2 => Just(Answer::Ok),
        1 => Just(Answer::Permanent),
        6 => Just(Answer::Transient),
        1 => Just(Answer::Conflict),
    ];
    prop::collection::vec(answer, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_tree_that_fails_costs_one_call_a_leaf_and_one_for_every_retry_above_it(
        tree in trees(INHERITING, Just(Vec::new()), Just(false)),
    ) {
        // The bound in closed form: each function can spend its retries once in the whole tree.
        fn retries(node: &Node) -> usize {
            let below: usize = node.branches.iter().map(|branch| retries(branch)).sum();
            (ATTEMPTS as usize - 1) * node.leaves() + below
        }
        let expected = tree.leaves() + retries(&tree);
        prop_assert_eq!(tree.bound(false), expected);
        prop_assert_eq!(run_sync(&tree).0, expected);
        prop_assert_eq!(run_async(&tree).0, expected);
    }

    #[test]
    fn the_bound_holds_and_is_reached(
        tree in trees(COMPLETE, Just(Vec::new()), any::<bool>()),
    ) {
        prop_assert_eq!(run_sync(&tree).0, tree.bound(false));
        prop_assert_eq!(run_async(&tree).0, tree.bound(false));
    }

    #[test]
    fn whatever_the_leaves_answer_calls_and_answer_follow_the_rules(
        tree in trees(COMPLETE, scripts(), any::<bool>()),
    ) {
        let answer = answered(tree.expected(false));
        let expected = (tree.take_calls(), answer);
        prop_assert_eq!(&run_sync(&tree), &expected);
        prop_assert_eq!(&run_async(&tree), &expected);
        let conflicts = tree.any(|node| node.answers.contains(&Answer::Conflict));
        prop_assert!(conflicts || expected.0 <= tree.bound(false), "{expected:?}");
        prop_assert!(expected.0 <= tree.bound_of_conflicts());
    }

    #[test]
    fn a_race_never_costs_more_than_the_bound(
        tree in trees(ALL, scripts(), prop::bool::weighted(0.2)),
    ) {
        let conflicts = tree.any(|node| node.answers.contains(&Answer::Conflict));
        let bound = if conflicts { tree.bound_of_conflicts() } else { tree.bound(false) };
        let (calls, _) = run_async(&tree);
        prop_assert!(calls <= bound, "{calls} > {bound}");
    }

    #[test]
    fn attempts_multiply_where_all_allow_it_and_where_all_conflict(
        tree in trees(INHERITING, Just(Vec::new()), Just(true)),
        conflicting in trees(INHERITING, Just(vec![Answer::Conflict; 1000]), Just(false)),
    ) {
        prop_assert_eq!(run_sync(&tree).0, tree.bound_of_conflicts());
        prop_assert_eq!(run_async(&tree).0, tree.bound_of_conflicts());
        prop_assert_eq!(run_sync(&conflicting).0, conflicting.bound_of_conflicts());
        prop_assert_eq!(run_async(&conflicting).0, conflicting.bound_of_conflicts());
    }

    #[test]
    fn a_chain_of_n_layers_costs_n_times_k_minus_one_and_one(
        ways in prop::collection::vec(prop::sample::select(INHERITING), 0..6),
    ) {
        let layers = ways.len() + 1;
        let chain = ways.into_iter().fold(Node::leaf(Vec::new()), |chain, way| {
            Node::above(vec![chain], way)
        });
        let (chain, expected) = (Arc::new(chain), layers * (ATTEMPTS as usize - 1) + 1);
        prop_assert_eq!(run_sync(&chain).0, expected);
        prop_assert_eq!(run_async(&chain).0, expected);
    }
}
