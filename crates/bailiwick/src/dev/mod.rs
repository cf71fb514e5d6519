//! `dev`: authorization server, gateway and both examples on this machine, and the walk through them.

mod browser;
mod configuration;
mod drive;
mod walk;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use tokio::net::TcpListener;

use crate::Failure;
use crate::cli::Dev;
use walk::Verdict;

/// Where everything is.
pub(crate) struct Places {
    /// The authorization server.
    pub(crate) issuer: String,
    /// The orders API; also its identifier.
    pub(crate) orders: String,
    /// The drive API behind the gateway; also its identifier.
    pub(crate) drive: String,
}

/// Starts everything, walks, and stays up unless it shall not.
pub(crate) async fn run(options: Dev) -> Result<ExitCode, Failure> {
    let temporary = match &options.folder {
        Some(folder) => {
            std::fs::create_dir_all(folder)?;
            None
        }
        None => Some(tempfile::Builder::new().prefix("bailiwick-dev-").tempdir()?),
    };
    let folder: PathBuf = match (&options.folder, &temporary) {
        (Some(folder), _) => folder.clone(),
        (None, Some(temporary)) => temporary.path().to_owned(),
        (None, None) => PathBuf::from("."),
    };
    let (places, _running) = start(&options, &folder).await?;
    let verdict = walk::walk(&places, &mut std::io::stdout()).await?;
    let code = match verdict {
        Verdict::AsExpected => {
            println!("\nEvery step was as expected.");
            ExitCode::SUCCESS
        }
        Verdict::Differs(steps) => {
            println!("\n{steps} steps differ from what is expected.");
            ExitCode::FAILURE
        }
    };
    if options.once || verdict != Verdict::AsExpected {
        return Ok(code);
    }
    describe(&places, &folder);
    crate::serve::until_stopped().await;
    Ok(code)
}

/// Everything that runs until it is dropped.
struct Running {
    _drive: drive::Drive,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn start(options: &Dev, folder: &Path) -> Result<(Places, Running), Failure> {
    let authorization_server = listen(options.authorization_server_port).await?;
    let gateway = listen(options.gateway_port).await?;
    let orders = listen(options.orders_port).await?;
    let drive = drive::Drive::start(options, folder).await?;
    let places = Places {
        issuer: address(&authorization_server)?,
        orders: address(&orders)?,
        drive: format!("{}/drive", address(&gateway)?),
    };
    configuration::write(folder, &places, &address(&gateway)?, drive.address())?;
    let config = crate::serve::load(&folder.join("bailiwick.toml"))?;
    let server = crate::serve::Server::prepare(config).await?;
    let gateway_config = crate::gateway::load(&folder.join("gateway.toml"))?;
    let gateway_server = bailiwick_gateway::Gateway::new(gateway_config)?;
    let orders_config = orders::Config {
        issuer: places.issuer.clone(),
        resource: places.orders.clone(),
        database: folder.join("orders.db"),
    };
    let tasks = vec![
        tokio::spawn(report("the authorization server", server.serve(authorization_server))),
        tokio::spawn(report("the gateway", async move {
            gateway_server.serve(gateway, std::future::pending()).await;
            Ok(())
        })),
        tokio::spawn(report("the orders API", async move {
            orders::serve(orders_config, orders)
                .await
                .map_err(|error| Failure::new(error.to_string()))
        })),
    ];
    Ok((places, Running { _drive: drive, tasks }))
}

async fn report(what: &str, task: impl Future<Output = Result<(), Failure>>) {
    if let Err(failure) = task.await {
        eprintln!("bailiwick: {what} ended: {failure}");
    }
}

async fn listen(port: u16) -> Result<TcpListener, Failure> {
    TcpListener::bind(("127.0.0.1", port)).await.map_err(|error| {
        Failure::new(format!("port {port} of 127.0.0.1 cannot be had ({error}); name another one"))
    })
}

fn address(listener: &TcpListener) -> Result<String, Failure> {
    Ok(format!("http://{}", listener.local_addr()?))
}

fn describe(places: &Places, folder: &Path) {
    let (username, password) = walk::USER;
    println!(
        "\nIt stays up; end it with Ctrl-C.\n\
         \n  authorization server  {}\
         \n  its metadata          {}/.well-known/oauth-authorization-server\
         \n  orders API            {}/orders\
         \n  drive API             {}/files\
         \n  configurations        {}\
         \n  sign in as            {username} / {password}\
         \n\nGet a token through your browser:\
         \n\n  bailiwick token --issuer {} --client-id {} --resource {} --scope read:orders",
        places.issuer,
        places.issuer,
        places.orders,
        places.drive,
        folder.display(),
        places.issuer,
        walk::CLIENT,
        places.orders,
    );
}
