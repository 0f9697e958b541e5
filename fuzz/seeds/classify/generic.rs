#[classify(transparent = inner)] struct Wrapped<'a, T: ?Sized, const N: usize> where T: Error { inner: Box<T>, at: [&'a str; N] }
