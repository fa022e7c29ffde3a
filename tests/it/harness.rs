//! The real binary with a configuration and people of its own, on ports the system chose.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, mpsc};
use std::time::Duration;

use tempfile::TempDir;

pub const BASE: &str = "dc=uni,dc=example";
pub const ROOT_DN: &str = "cn=admin,dc=uni,dc=example";
pub const ROOT_PIN: &str = "root-pin-for-tests";
pub const SERVICE_PIN: &str = "service-pin-for-tests";
pub const SECRET: &str = "a-shared-secret-for-tests-only";

/// The path of the binary under test.
pub fn beadle() -> &'static str {
    env!("CARGO_BIN_EXE_beadle")
}

/// A command that becomes `beadle` in a network of its own, of which nothing is but a loopback that `set_up`, some shell,
/// has made ready; `None` where this machine does not allow that.
pub fn in_own_network(set_up: &str) -> Option<Command> {
    let script = format!("ip link set lo up && {set_up} && exec \"$0\" \"$@\"");
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--net", "sh", "-c", &script]);
        command
    };
    let is_allowed = unshare().arg("true").output().is_ok_and(|it| it.status.success());
    is_allowed.then(|| {
        let mut command = unshare();
        command.arg(beadle());
        command
    })
}

/// Runs a command to its end with `input` on its standard input.
pub fn run_with(command: &mut Command, input: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut stdin = child.stdin.take().expect("piped");
    // A command that reads nothing may be gone before the write: its output tells.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("the command ends")
}

/// Standard output of a command as text.
pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Both outputs of a command, for messages of failed assertions.
pub fn said(output: &Output) -> String {
    format!(
        "{:?}\n{}{}",
        output.status,
        stdout(output),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// The hash of a PIN, made by `beadle hash`, cheap enough for tests.
pub fn hash(pin: &str) -> String {
    let output = run_with(Command::new(beadle()).arg("hash"), &format!("{pin}\n"));
    assert!(output.status.success(), "{}", said(&output));
    stdout(&output).trim().to_owned()
}

/// A folder with a configuration, not started yet.
pub struct Campus {
    pub folder: TempDir,
}

impl Campus {
    /// A campus whose configuration is the tests' own with `more` at its end.
    pub fn new(more: &str) -> Campus {
        let campus = Campus {
            folder: tempfile::tempdir().expect("a temporary folder"),
        };
        let (root, service) = (hash(ROOT_PIN), hash(SERVICE_PIN));
        let text = format!(
            r#"
base_dn = "{BASE}"
[store]
path = "{store}"
[ldap]
listen = ["127.0.0.1:0"]
listen_tls = ["127.0.0.1:0"]
listen_ldapi = ["{ldapi}"]
cleartext_bind_from = ["127.0.0.0/8"]
[ldap.root]
dn = "{ROOT_DN}"
password_hash = "{root}"
[[ldap.service]]
name = "mail"
password_hash = "{service}"
[radius]
listen = ["127.0.0.1:0"]
accounting_listen = ["127.0.0.1:0"]
reject_delay_ms = 0
reject_jitter_ms = 0
[[radius.client]]
name = "vpn-1"
network = "127.0.0.0/8"
secret = "{SECRET}"
service = "vpn"
[web]
admin_listen = ["127.0.0.1:0"]
{more}
"#,
            store = campus.path("store").display(),
            ldapi = campus.path("ldapi").display(),
        );
        std::fs::write(campus.config(), text).expect("the configuration is written");
        campus
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn config(&self) -> PathBuf {
        self.path("beadle.toml")
    }

    /// Runs `beadle COMMAND --config … WORDS`.
    pub fn beadle(&self, command: &[&str], words: &[&str]) -> Output {
        let mut run = Command::new(beadle());
        run_with(
            run.args(command).arg("--config").arg(self.config()).args(words),
            "",
        )
    }

    /// Imports LDIF text, which must be good.
    pub fn import(&self, ldif: &str) {
        let output = self.try_import(ldif, &[]);
        assert!(output.status.success(), "{}", said(&output));
    }

    /// Imports LDIF text.
    pub fn try_import(&self, ldif: &str, words: &[&str]) -> Output {
        let path = self.path("people.ldif");
        std::fs::write(&path, ldif).expect("the LDIF is written");
        let path = path.to_str().expect("UTF-8");
        self.beadle(&["import"], &[words, &[path]].concat())
    }

    /// Everything there is, as `beadle export` prints it.
    pub fn export(&self, words: &[&str]) -> String {
        let output = self.beadle(&["export"], words);
        assert!(output.status.success(), "{}", said(&output));
        stdout(&output)
    }

    /// Starts the daemon and waits until it says that it is ready.
    pub fn serve(self) -> Daemon {
        Daemon::start(self, &[])
    }
}

/// A running daemon; stopped when dropped.
pub struct Daemon {
    pub campus: Campus,
    child: Child,
    log: mpsc::Receiver<String>,
    /// Held by who reads the log, a line long.
    reading: Arc<Mutex<()>>,
    /// Everything it has logged so far.
    pub logged: Vec<String>,
    listening: Vec<(String, String)>,
}

impl Daemon {
    /// Starts `beadle serve` with more environment, such as a log level.
    pub fn start(campus: Campus, environment: &[(&str, &str)]) -> Daemon {
        Daemon::start_by(Command::new(beadle()), campus, environment)
    }

    /// Starts it by a command that becomes `beadle` when it is given beadle's words.
    pub fn start_by(mut command: Command, campus: Campus, environment: &[(&str, &str)]) -> Daemon {
        let notify_path = campus.path("notify");
        let _ = std::fs::remove_file(&notify_path);
        let notify = UnixDatagram::bind(&notify_path).expect("a socket in the temporary folder");
        notify
            .set_read_timeout(Some(Duration::from_secs(60)))
            .expect("a time limit");
        let mut child = command
            .args(["serve", "--config"])
            .arg(campus.config())
            .env("NOTIFY_SOCKET", &notify_path)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("beadle starts");
        let (sender, log) = mpsc::channel();
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        let reading = Arc::<Mutex<()>>::default();
        let may_read = reading.clone();
        std::thread::spawn(move || {
            stderr.lines().map_while(Result::ok).try_for_each(|line| {
                drop(may_read.lock());
                sender.send(line)
            })
        });
        let mut daemon = Daemon {
            campus,
            child,
            log,
            reading,
            logged: Vec::new(),
            listening: Vec::new(),
        };
        daemon.wait_ready(&notify);
        daemon
    }

    fn wait_ready(&mut self, notify: &UnixDatagram) {
        let mut message = [0; 4096];
        loop {
            let read = notify.recv(&mut message);
            let text = read.map(|length| String::from_utf8_lossy(&message[..length]).into_owned());
            match text {
                Ok(text) if text.contains("READY=1") => break,
                Ok(_) => {}
                Err(error) => {
                    let _ = self.child.kill();
                    panic!(
                        "beadle never was ready ({error}); it said:\n{}",
                        self.read_log().join("\n")
                    );
                }
            }
        }
        while self.listening.len() < 5 {
            let line = self
                .log
                .recv_timeout(Duration::from_secs(10))
                .expect("five listeners are logged");
            if let Some((what, address)) = listening(&line) {
                self.listening.push((what, address));
            }
            self.logged.push(line);
        }
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything logged until now.
    pub fn read_log(&mut self) -> Vec<String> {
        self.logged.extend(self.log.try_iter());
        self.logged.clone()
    }

    /// Nobody reads its log while what is returned is kept.
    pub fn stall(&self) -> MutexGuard<'_, ()> {
        self.reading.lock().expect("the reader lives")
    }

    /// The address of a listener: `ldap`, `ldaps`, `radius`, `accounting` or `admin`.
    pub fn address(&self, what: &str) -> &str {
        let found = self.listening.iter().find(|(name, _)| name == what);
        found
            .map(|(_, address)| address.as_str())
            .unwrap_or_else(|| panic!("no {what} among {:?}", self.listening))
    }

    /// Kills without warning and gives the folder back.
    pub fn kill(mut self) -> Campus {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
        self.into_campus()
    }

    /// SIGTERM, and waits for the end; the exit code and everything it logged.
    pub fn stop(mut self) -> (Campus, Option<i32>, Vec<String>) {
        signal(self.child.id(), "TERM");
        let status = self.child.wait().expect("it ends");
        let mut logged = std::mem::take(&mut self.logged);
        logged.extend(self.log.iter());
        (self.into_campus(), status.code(), logged)
    }

    fn into_campus(mut self) -> Campus {
        std::mem::replace(
            &mut self.campus,
            Campus {
                folder: tempfile::tempdir().expect("a temporary folder"),
            },
        )
    }

    /// Runs one of OpenLDAP's clients against the cleartext port.
    pub fn ldap(&self, client: &str, words: &[&str]) -> Output {
        let url = format!("ldap://{}", self.address("ldap"));
        run_with(Command::new(client).args(["-x", "-H", &url]).args(words), "")
    }

    /// Runs one of OpenLDAP's clients against the TLS port, trusting the daemon's own certificate.
    pub fn ldaps(&self, client: &str, words: &[&str]) -> Output {
        self.sasl_ldaps(client, &[&["-x"], words].concat())
    }

    /// The same with StartTLS on the cleartext port.
    pub fn start_tls(&self, client: &str, words: &[&str]) -> Output {
        self.sasl_start_tls(client, &[&["-x"], words].concat())
    }

    /// As [`Daemon::ldaps`], by the mechanism that `words` name.
    pub fn sasl_ldaps(&self, client: &str, words: &[&str]) -> Output {
        let url = format!("ldaps://localhost:{}", self.port("ldaps"));
        run_with(self.trusting(client).args(["-H", &url]).args(words), "")
    }

    /// As [`Daemon::start_tls`], by the mechanism that `words` name.
    pub fn sasl_start_tls(&self, client: &str, words: &[&str]) -> Output {
        let url = format!("ldap://localhost:{}", self.port("ldap"));
        run_with(self.trusting(client).args(["-ZZ", "-H", &url]).args(words), "")
    }

    fn port(&self, what: &str) -> &str {
        self.address(what).rsplit(':').next().unwrap_or("")
    }

    /// Runs one of OpenLDAP's clients against the Unix socket, by the method that `words` name.
    pub fn ldapi(&self, client: &str, words: &[&str]) -> Output {
        run_with(
            Command::new(client).args(["-H", &self.ldapi_url()]).args(words),
            "",
        )
    }

    /// The Unix socket as clients name it.
    pub fn ldapi_url(&self) -> String {
        let path = self.campus.path("ldapi").display().to_string();
        format!("ldapi://{}", path.replace('/', "%2f"))
    }

    fn trusting(&self, client: &str) -> Command {
        let mut command = Command::new(client);
        command.env(
            "LDAPTLS_CACERT",
            self.campus.path("store/self-signed-certificate.pem"),
        );
        command
    }

    /// `program` in the network of a daemon that [`in_own_network`] has started.
    pub fn in_its_network(&self, program: &str) -> Command {
        let target = self.pid().to_string();
        let mut command = Command::new("nsenter");
        command
            .args(["--target", &target, "--user", "--net", "--preserve-credentials"])
            .arg(program);
        command
    }

    /// Runs radclient once, two seconds' patience.
    pub fn radclient(&self, what: &str, listener: &str, attributes: &str) -> Output {
        let mut command = Command::new("radclient");
        run_with(
            command.args(["-x", "-r", "1", "-t", "2", self.address(listener), what, SECRET]),
            attributes,
        )
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal by name to one process.
pub fn signal(pid: u32, name: &str) {
    let status = Command::new("kill")
        .arg(format!("-{name}"))
        .arg(pid.to_string())
        .status();
    assert!(status.is_ok_and(|status| status.success()), "kill -{name} {pid}");
}

/// Listener and address in a log line such as `… listening listener=ldap address=127.0.0.1:40123`.
fn listening(line: &str) -> Option<(String, String)> {
    let field = |name: &str| {
        let value = line
            .split(&format!("{name}="))
            .nth(1)?
            .split_whitespace()
            .next()?;
        Some(value.trim_matches('"').to_owned())
    };
    line.contains("listening")
        .then(|| Some((field("listener")?, field("address")?)))
        .flatten()
}

/// A person's LDIF with an {SSHA} hash of `pin` made by slappasswd's own method.
pub fn person(uid: &str, pin: &str, more: &str) -> String {
    format!(
        "dn: uid={uid},ou=people,{BASE}\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: Person {uid}\nsn: Person\n\
         userPassword: {hash}\n{more}\n",
        hash = ssha(pin),
    )
}

/// The suffix and its people and groups, empty.
pub fn base() -> String {
    format!(
        "dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\ndc: uni\no: University\n\n\
         dn: ou=people,{BASE}\nobjectClass: organizationalUnit\nou: people\n\n\
         dn: ou=groups,{BASE}\nobjectClass: organizationalUnit\nou: groups\n\n"
    )
}

fn ssha(pin: &str) -> String {
    use base64::Engine;
    use sha1::{Digest, Sha1};
    let salt = b"test-salt";
    let mut bytes = Sha1::new()
        .chain_update(pin)
        .chain_update(salt)
        .finalize()
        .to_vec();
    bytes.extend_from_slice(salt);
    format!(
        "{{SSHA}}{}",
        base64::engine::general_purpose::STANDARD.encode(bytes)
    )
}

/// The whole answer to `GET url`, status line first.
pub fn http_get(url: &str) -> String {
    let (host, path) = url
        .strip_prefix("http://")
        .and_then(|rest| rest.split_once('/'))
        .expect("http://host/path");
    let mut stream = std::net::TcpStream::connect(host).expect("it listens");
    write!(
        stream,
        "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )
    .expect("it reads");
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut stream, &mut answer).expect("it answers");
    answer
}
