//! A private server for as long as standard input is open; its address is the line it prints:
//!
//!     cargo run -p private-database --example server

use std::io::{Read as _, Write as _};

use private_database::{Options, Watched};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Watched::start(Options::default())?;
    println!("{}", server.url().of_database(""));
    std::io::stdout().flush()?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
