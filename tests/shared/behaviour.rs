// Included by a package of each edition.

#[tokio::test]
async fn everything_heals_at_the_third_attempt() {
    let _scope = steadfast::testing::scope();
    let calls = AtomicU32::new(0);
    let again = || {
        calls.store(0, Ordering::Relaxed);
        &calls
    };
    assert_eq!(by_default(again()).ok(), Some(3));
    assert_eq!(by_default_async(again()).await.ok(), Some(3));
    let mut out = Vec::<u64>::new();
    assert_eq!(everything(again(), String::new(), 1, &mut out).await.ok(), Some(7));
    assert_eq!(out, [2, 3, 4]);
    assert_eq!(everything_sync(again(), String::new(), 1).ok(), Some(7));
    assert_eq!(polled(again()), 3);
    assert_eq!(values(again()).await.ok(), Some(3));
    assert_eq!(absent(again()), Some(3));
    assert_eq!(any_error(again()).await.ok(), Some(3));
    assert_eq!(boxed(again()).await.ok(), Some(3));
    assert_eq!(delegated(again(), "").await.ok(), Some(3));
    assert_eq!(made_by_a_macro(again()).ok(), Some(3));
}
