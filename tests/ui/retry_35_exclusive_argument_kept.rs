use steadfast::retry;

struct Holder<'a>(Vec<&'a mut String>);

#[retry]
fn fetch<'a>(holder: &mut Holder<'a>, text: &'a mut String) -> std::io::Result<()> {
    holder.0.push(text);
    Ok(())
}

fn main() {
    let _ = fetch(&mut Holder(Vec::new()), &mut String::new());
}
