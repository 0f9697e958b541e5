#[retry(max_retries = 3, maxAttempts: 5, wait = wait_fixed(3), on = [, _], base_delay = "5 s", = 3, zebra)]
#[circuit_breaker = "x"] #[idempotent[key = "{{}"]] const extern "C" fn f(mut self) -> ! { #![allow(x)] loop {} }
