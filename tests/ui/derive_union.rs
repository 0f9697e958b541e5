use steadfast::Classify;

#[derive(Classify)]
union Either {
    _number: u32,
}

fn main() {}
