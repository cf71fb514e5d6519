//! `orders`: the example on its own, beside an authorization server.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program speaks to its user")]

use std::env;
use std::error::Error;
use std::process::ExitCode;

use orders::Config;
use tokio::net::TcpListener;

const USAGE: &str = "\
usage: orders --issuer URL --resource URI [--listen ADDRESS] [--database FILE]

  --issuer URL        who issues the tokens
  --resource URI      the API's own identifier, as the issuer knows it
  --listen ADDRESS    where to listen [127.0.0.1:0, a free port]
  --database FILE     the order book [orders.db]";

struct Options {
    config: Config,
    listen: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    if env::args().skip(1).any(|argument| argument == "--help" || argument == "-h") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let options = match parse(env::args().skip(1)) {
        Ok(options) => options,
        Err(why) => {
            eprintln!("{why}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                eprintln!("  {cause}");
                source = cause.source();
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(&options.listen)
        .await
        .map_err(|why| format!("cannot listen at {}: {why}", options.listen))?;
    println!("http://{}", listener.local_addr()?);
    Ok(orders::serve(options.config, listener).await?)
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let (mut issuer, mut resource) = (None, None);
    let (mut listen, mut database) = (None, None);
    while let Some(name) = arguments.next() {
        let place = match name.as_str() {
            "--issuer" => &mut issuer,
            "--resource" => &mut resource,
            "--listen" => &mut listen,
            "--database" => &mut database,
            _ => return Err(format!("'{name}' is no option")),
        };
        let value = arguments.next().ok_or_else(|| format!("{name} has no value"))?;
        if place.replace(value).is_some() {
            return Err(format!("{name} is given twice"));
        }
    }
    Ok(Options {
        config: Config {
            issuer: issuer.ok_or("--issuer is missing")?,
            resource: resource.ok_or("--resource is missing")?,
            database: database.unwrap_or_else(|| "orders.db".to_owned()).into(),
        },
        listen: listen.unwrap_or_else(|| "127.0.0.1:0".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Options, String> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_are_read_in_any_order_and_mistakes_are_named() {
        let options = read("--resource r --listen l --issuer i").unwrap();
        assert_eq!((options.config.issuer.as_str(), options.config.resource.as_str()), ("i", "r"));
        assert_eq!(options.listen, "l");
        assert_eq!(options.config.database.to_str(), Some("orders.db"));
        for (line, why) in [
            ("--resource r", "--issuer is missing"),
            ("--issuer", "--issuer has no value"),
            ("--issuer i --issuer j", "--issuer is given twice"),
            ("--port 1", "'--port' is no option"),
        ] {
            assert_eq!(read(line).err().as_deref(), Some(why));
        }
    }
}
