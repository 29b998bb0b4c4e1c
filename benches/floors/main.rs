//! What the pure floors cost, without sockets: `cargo bench --bench floors` times them (divan), and
//! `cargo bench --bench floors -- --instructions` counts their instructions (callgrind).

mod cases;
mod instructions;

use std::process::ExitCode;

use divan::counter::BytesCount;
use divan::{Bencher, Divan};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let counted = match arguments[..] {
        ["--run", name, runs] => {
            let mut case = cases::case(name);
            (0..runs.parse().unwrap_or(0_u32)).for_each(|_| (case.run)());
            Ok(true)
        }
        ["--instructions"] => instructions::compare(false),
        ["--instructions", "--accept"] => instructions::compare(true),
        _ => {
            Divan::from_args().main();
            Ok(true)
        }
    };
    match counted {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("instructions: {why}");
            ExitCode::FAILURE
        }
    }
}

#[divan::bench(args = cases::NAMES)]
fn floors(bencher: Bencher<'_, '_>, name: &str) {
    let mut case = cases::case(name);
    if case.bytes == 0 {
        bencher.bench_local(|| (case.run)());
    } else {
        bencher.counter(BytesCount::new(case.bytes)).bench_local(|| (case.run)());
    }
}
