use steadfast::retry;

struct Holder<'a>(Vec<&'a mut String>);

impl<'a> Holder<'a> {
    #[retry]
    fn keep(&mut self, text: &'a mut String) -> std::io::Result<()> {
        self.0.push(text);
        Ok(())
    }
}

fn main() {
    let _ = Holder(Vec::new()).keep(&mut String::new());
}
