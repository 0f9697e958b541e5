use steadfast::retry;

struct Ticket;

fn redeem(_: Ticket) -> std::io::Result<()> {
    Ok(())
}

#[retry]
fn fetch(ticket: Ticket) -> std::io::Result<()> {
    redeem(ticket)
}

fn main() {
    let _ = fetch(Ticket);
}
