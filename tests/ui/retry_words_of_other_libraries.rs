use steadfast::retry;

#[retry(max_retries = 3)]
fn backon() -> std::io::Result<()> {
    Ok(())
}

#[retry(tries = 4, delay = 2)]
fn retry2() -> std::io::Result<()> {
    Ok(())
}

#[retry(stop = stop_after_attempt(3), wait = wait_fixed(2))]
fn tenacity() -> std::io::Result<()> {
    Ok(())
}

#[retry(maxAttempts = 3, initial_interval = 500, multiplier = 1.5)]
fn spring() -> std::io::Result<()> {
    Ok(())
}

#[retry(retries = 3, timeout = "5s", retry_if = is_transient)]
fn others() -> std::io::Result<()> {
    Ok(())
}

#[retry(retry_on = [std::io::Error], max_elapsed_time = "1m")]
fn more() -> std::io::Result<()> {
    Ok(())
}

fn main() {
    let _ = (backon(), retry2(), tenacity(), spring(), others(), more());
}
