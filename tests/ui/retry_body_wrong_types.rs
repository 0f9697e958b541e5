use steadfast::retry;

#[retry]
fn fetch() -> std::io::Result<usize> {
    let length: usize = "three";
    Ok(length)
}

#[retry]
async fn fetch_async() -> std::io::Result<usize> {
    Ok("three")
}

#[retry]
fn with_question_mark() -> std::io::Result<u32> {
    let number: u32 = "3".parse()?;
    Ok(number)
}

fn main() {
    let _ = (fetch(), fetch_async(), with_question_mark());
}
