//! The command line: what can be said, and what each word means.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

/// Access tokens good for exactly one API: an authorization server with resource indicators
/// (RFC 8707), and a gateway that checks them.
#[derive(Parser)]
#[command(
    version,
    about,
    max_term_width = 100,
    after_help = "\
Exit codes: 0 done; 1 it did not work, or was refused; 2 the command or a configuration is wrong.
Begin with `bailiwick dev`."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Starts everything on this machine and walks through the worked examples.
    Dev(Dev),
    /// Runs the authorization server.
    Serve(Configured),
    /// Runs the gateway.
    Gateway(GatewayConfigured),
    /// Reads a configuration and says what is wrong with it; starts nothing.
    #[command(subcommand)]
    Check(Check),
    /// Prints a gateway's configuration for an API that is described elsewhere.
    #[command(subcommand)]
    Import(Import),
    /// Resource servers, the APIs that tokens are for: adds, lists, disables, compares them.
    #[command(subcommand)]
    Resource(Resource),
    /// Lists or revokes grants: what users gave to clients.
    #[command(subcommand)]
    Grant(Grants),
    /// Clients, the programs that ask for tokens: adds, lists, removes them.
    #[command(subcommand)]
    Client(Client),
    /// Users: adds, lists, disables them.
    #[command(subcommand)]
    User(User),
    /// Clients that describe themselves: what they could get, and the tokens that admit them.
    #[command(subcommand)]
    Registration(Registration),
    /// Gets an access token and prints it.
    Token(Box<Token>),
    /// Explains what a gateway's configuration makes of a token and a request, check by check.
    Explain(Explain),
    /// Replays recorded decisions against a configuration of the gateway, and prints what it changes.
    Replay(Replay),
    /// Prints a script that completes commands in your shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

#[derive(Args)]
pub(crate) struct Dev {
    /// Ends after the walk; 0 when every step was as expected, 1 when not.
    #[arg(long)]
    pub(crate) once: bool,
    /// The folder for databases, files and configurations; a temporary one when absent.
    #[arg(long)]
    pub(crate) folder: Option<PathBuf>,
    /// The port of the authorization server; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    pub(crate) authorization_server_port: u16,
    /// The port of the gateway; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    pub(crate) gateway_port: u16,
    /// The port of the orders API; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    pub(crate) orders_port: u16,
    /// The port of the drive API, behind the gateway; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    pub(crate) drive_port: u16,
    /// The Python that runs the drive API.
    #[arg(long, default_value = "python3")]
    pub(crate) python: PathBuf,
}

/// Where the authorization server's configuration is.
#[derive(Args, Clone)]
pub(crate) struct Configured {
    /// The configuration file of the authorization server.
    #[arg(short, long, default_value = "bailiwick.toml", env = "BAILIWICK_CONFIG")]
    pub(crate) config: PathBuf,
}

/// Where the gateway's configuration is.
#[derive(Args, Clone)]
pub(crate) struct GatewayConfigured {
    /// The configuration file of the gateway.
    #[arg(short, long, default_value = "gateway.toml", env = "BAILIWICK_GATEWAY_CONFIG")]
    pub(crate) config: PathBuf,
}

#[derive(Subcommand)]
pub(crate) enum Check {
    /// The authorization server's configuration.
    Serve(Configured),
    /// The gateway's configuration: what is wrong with it, what would surprise you, and with
    /// `--online` what issuers and upstreams say. 2 when it is wrong.
    Gateway(CheckGateway),
}

#[derive(Args)]
pub(crate) struct CheckGateway {
    #[command(flatten)]
    pub(crate) config: GatewayConfigured,
    /// Asks the issuers and upstreams too.
    #[arg(long)]
    pub(crate) online: bool,
    /// Prints what each route needs.
    #[arg(long)]
    pub(crate) explain: bool,
    /// Ends with 1 when there are warnings.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Gets a token for each resource as this client, to see whether its issuer heeds `resource`.
    #[arg(long, value_name = "CLIENT_ID", requires = "secret_env")]
    pub(crate) probe: Option<String>,
    /// The environment variable that holds that client's secret.
    #[arg(long, value_name = "NAME", requires = "probe")]
    pub(crate) secret_env: Option<String>,
}

/// What can be imported.
#[derive(Subcommand)]
pub(crate) enum Import {
    /// An OpenAPI document, 3.0 or 3.1, in JSON or YAML.
    Openapi(OpenApi),
}

#[derive(Args)]
pub(crate) struct OpenApi {
    /// The document.
    pub(crate) file: PathBuf,
    /// The issuer; from the document when absent.
    #[arg(long)]
    pub(crate) issuer: Option<String>,
    /// Where the API itself listens; from the document when absent.
    #[arg(long)]
    pub(crate) upstream: Option<String>,
    /// The resource identifier; the document's first server when absent.
    #[arg(long)]
    pub(crate) identifier: Option<String>,
}

#[derive(Subcommand)]
pub(crate) enum Resource {
    /// Registers a resource server.
    Add {
        #[command(flatten)]
        config: Configured,
        /// Its identifier: an absolute URI, such as https://api.example.com/orders.
        identifier: String,
        /// The name that users read.
        #[arg(long)]
        name: String,
        /// A scope, as `name=description`; may be repeated. The description may be left out.
        #[arg(long = "scope", value_name = "NAME[=DESCRIPTION]")]
        scopes: Vec<String>,
        /// A scope that is given when a request names none; may be repeated.
        #[arg(long = "default-scope", value_name = "NAME")]
        defaults: Vec<String>,
        /// A scope that users are always asked for; may be repeated.
        #[arg(long = "sensitive-scope", value_name = "NAME")]
        sensitive: Vec<String>,
        /// A further spelling that clients may send; may be repeated.
        #[arg(long = "alias", value_name = "URI")]
        aliases: Vec<String>,
        /// Whether its tokens are JWTs or opaque.
        #[arg(long, default_value = "jwt")]
        format: Format,
        /// Makes a secret with which it can ask for introspection, and prints it once.
        #[arg(long)]
        introspection: bool,
    },
    /// Lists the resource servers.
    List {
        #[command(flatten)]
        config: Configured,
    },
    /// Makes a registration of what an API publishes about itself (RFC 9728), and prints it for the
    /// configuration file.
    Import {
        #[command(flatten)]
        config: Configured,
        /// Its identifier, an https address.
        identifier: String,
        /// Registers it instead of printing it.
        #[arg(long)]
        add: bool,
    },
    /// Holds registrations against what the APIs publish (RFC 9728); 1 when one differs.
    Compare {
        #[command(flatten)]
        config: Configured,
        /// The identifiers; all that are enabled when absent.
        identifiers: Vec<String>,
    },
    /// Disables a resource server: no more tokens for it. The configuration file's are its own.
    Disable {
        #[command(flatten)]
        config: Configured,
        /// Its identifier.
        identifier: String,
    },
    /// Enables a resource server that was disabled.
    Enable {
        #[command(flatten)]
        config: Configured,
        /// Its identifier.
        identifier: String,
    },
}

/// What is done about clients that describe themselves.
#[derive(Subcommand)]
pub(crate) enum Registration {
    /// Says what an unknown client could ever get: every scope of every API.
    Preview {
        #[command(flatten)]
        config: Configured,
    },
    /// Makes an initial access token, and prints it once.
    Token {
        #[command(flatten)]
        config: Configured,
        /// What you call it.
        #[arg(long)]
        label: String,
        /// How many clients may be registered with it.
        #[arg(long, default_value_t = 1)]
        uses: u32,
        /// For how many days.
        #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=3660))]
        days: u16,
    },
    /// Lists the initial access tokens.
    Tokens {
        #[command(flatten)]
        config: Configured,
    },
    /// Takes the initial access tokens of a label back.
    Revoke {
        #[command(flatten)]
        config: Configured,
        /// What you called it.
        label: String,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Format {
    /// A signed JWT (RFC 9068).
    Jwt,
    /// A random string that only introspection explains (RFC 7662).
    Opaque,
}

#[derive(Subcommand)]
pub(crate) enum Client {
    /// Registers a client; prints the secret of a confidential one, once.
    Add {
        #[command(flatten)]
        config: Configured,
        /// Its identifier.
        id: String,
        /// The name that users read; the identifier when absent.
        #[arg(long)]
        name: Option<String>,
        /// Registers a public client: a native or browser app that cannot keep a secret.
        #[arg(long)]
        public: bool,
        /// A file with its public keys, a JWK set: it authenticates with them (`private_key_jwt`).
        #[arg(long, value_name = "FILE", conflicts_with = "public")]
        jwks_file: Option<PathBuf>,
        /// Where users may be sent back; may be repeated.
        #[arg(long = "redirect-uri", value_name = "URI")]
        redirect_uris: Vec<String>,
        /// A grant type; may be repeated. The code and refresh tokens when there is a redirect URI, else client credentials.
        #[arg(long = "grant", value_name = "TYPE")]
        grants: Vec<Grant>,
        /// A global scope that it may ask for, such as openid; may be repeated, `*` is all.
        #[arg(long = "scope", value_name = "NAME")]
        scopes: Vec<String>,
        /// What it may ask for on a resource server, as `URI=scope scope` or `URI=*`; may be repeated.
        #[arg(long = "resource", value_name = "URI=SCOPES")]
        resources: Vec<String>,
    },
    /// Lists the clients.
    List {
        #[command(flatten)]
        config: Configured,
    },
    /// Removes a client: none of its tokens is good any more, and APIs that take events are told.
    Remove {
        #[command(flatten)]
        config: Configured,
        /// Its identifier.
        id: String,
    },
}

#[derive(Subcommand)]
pub(crate) enum Grants {
    /// Lists the grants that hold.
    List {
        #[command(flatten)]
        config: Configured,
        #[command(flatten)]
        which: Which,
    },
    /// Revokes grants at once; APIs that take events are told. With --resource only that API is taken out of them.
    Revoke {
        #[command(flatten)]
        config: Configured,
        #[command(flatten)]
        which: Which,
        /// Revokes every grant there is, when nothing else is said.
        #[arg(long, conflicts_with_all = ["user", "client", "resource"])]
        all: bool,
    },
}

/// Which grants: those to which everything applies that is said.
#[derive(Args)]
pub(crate) struct Which {
    /// Of this user.
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// Of this client.
    #[arg(long, value_name = "ID")]
    pub(crate) client: Option<String>,
    /// With this API.
    #[arg(long, value_name = "URI")]
    pub(crate) resource: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Grant {
    /// The authorization code.
    AuthorizationCode,
    /// The refresh token.
    RefreshToken,
    /// The client's own credentials.
    ClientCredentials,
    /// The device code (RFC 8628).
    DeviceCode,
}

#[derive(Subcommand)]
pub(crate) enum User {
    /// Registers a user; the password is read from standard input.
    Add {
        #[command(flatten)]
        config: Configured,
        /// The name to sign in with.
        username: String,
        /// The name that others read.
        #[arg(long)]
        name: Option<String>,
        /// The e-mail address.
        #[arg(long)]
        email: Option<String>,
        /// A role; may be repeated.
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
    },
    /// Lists the users.
    List {
        #[command(flatten)]
        config: Configured,
    },
    /// Disables a user: no more sign-ins, none of the user's tokens is good, and APIs that take events are told.
    Disable {
        #[command(flatten)]
        config: Configured,
        /// The name to sign in with.
        username: String,
    },
    /// Enables a user that was disabled.
    Enable {
        #[command(flatten)]
        config: Configured,
        /// The name to sign in with.
        username: String,
    },
    /// Prints the argon2 hash of a password from standard input, for the configuration file.
    Hash,
}

#[derive(Args)]
pub(crate) struct Token {
    /// The issuer: the authorization server's address.
    #[arg(long, env = "BAILIWICK_ISSUER")]
    pub(crate) issuer: String,
    /// The client.
    #[arg(long, env = "BAILIWICK_CLIENT_ID")]
    pub(crate) client_id: String,
    /// The environment variable that holds the client's secret; with one, client credentials are used.
    #[arg(long, value_name = "NAME")]
    pub(crate) secret_env: Option<String>,
    /// A resource; may be repeated with a browser, the token is for the first.
    #[arg(long = "resource", value_name = "URI")]
    pub(crate) resources: Vec<String>,
    /// The scopes, separated by spaces.
    #[arg(long, default_value = "")]
    pub(crate) scope: String,
    /// Signs a user in through the browser, even though there is a secret.
    #[arg(long)]
    pub(crate) browser: bool,
    /// Prints the whole answer as JSON, not only the access token.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct Replay {
    #[command(flatten)]
    pub(crate) config: GatewayConfigured,
    /// A file of records, as `[records]` of the gateway writes them; may be repeated.
    #[arg(long, required = true, value_name = "FILE")]
    pub(crate) records: Vec<PathBuf>,
}

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Explain {
    #[command(subcommand)]
    pub(crate) of: Option<ExplainOf>,
    #[command(flatten)]
    pub(crate) config: GatewayConfigured,
    /// The method of the request.
    #[arg(required = true)]
    pub(crate) method: Option<String>,
    /// The address of the request, such as https://api.example.com/orders/7.
    #[arg(required = true)]
    pub(crate) url: Option<String>,
    /// The token; read from standard input when absent, so that it stays out of the shell's history.
    #[arg(long, env = "BAILIWICK_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// Asks a gateway that runs, at its admin listener, instead of reading a configuration.
    #[arg(long, value_name = "URL", conflicts_with = "config")]
    pub(crate) gateway: Option<String>,
}

/// What else is explained.
#[derive(Subcommand)]
pub(crate) enum ExplainOf {
    /// Explains what the authorization server would grant: every pair of scope and API, kept or
    /// dropped, and by which rule. 0 when something would be granted.
    Grant(ExplainGrant),
}

#[derive(Args)]
pub(crate) struct ExplainGrant {
    #[command(flatten)]
    pub(crate) config: Configured,
    /// The client.
    #[arg(long)]
    pub(crate) client: String,
    /// The name that the user signs in with; any user when absent.
    #[arg(long)]
    pub(crate) user: Option<String>,
    /// A resource, as a request names it; may be repeated.
    #[arg(long = "resource", value_name = "URI")]
    pub(crate) resources: Vec<String>,
    /// The scopes, separated by spaces.
    #[arg(long, default_value = "")]
    pub(crate) scope: String,
    /// The issuer, where the server has several; the first when absent.
    #[arg(long)]
    pub(crate) issuer: Option<String>,
    /// Asks a server that runs, at its admin listener, instead of reading its configuration.
    #[arg(long, value_name = "URL", conflicts_with = "config")]
    pub(crate) server: Option<String>,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
