#[retry(when_value = |job: &Job| !job.done, backoff = Fibonacci::new(1), sleep = runtime::sleep, policy = crate::POLICY)]
fn poll<'a, T: Into<Id>, const N: usize>(id: T, (a, ref mut b): (u8, u8)) -> impl Future<Output = Job> + 'a { async move { job(id).await } }
