//! The programs of the desktop, and the state of all of it.

use super::display::Display;
use super::failure::Failure;
use super::program::{Launch, Program};
use super::recording::Recorder;
use super::{accessibility, blocking, number};
use crate::Protocol;
use crate::toolbox::Machine;
use crate::toolbox::port;
use parking_lot::Mutex;
use serde_json::{Map, Value};
use std::collections::VecDeque;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long a program may take until it can be used.
const READY_LIMIT: Duration = Duration::from_secs(20);
const READY_PAUSE: Duration = Duration::from_millis(10);

/// The size of the screen, unless the sandbox's VNC_RESOLUTION gives another one.
const RESOLUTION: &str = "1024x768";
/// The first ports that x11vnc and novnc try.
const VNC_PORT: u16 = 5901;
const NO_VNC_PORT: u16 = 6080;

const XVFB: usize = 0;
const WINDOW_MANAGER: usize = 1;
const X11VNC: usize = 2;
const NOVNC: usize = 3;

/// A sandbox's desktop.
pub struct Desktop {
    programs: [Program; 4],
    /// The session's D-Bus, and what offers the accessibility bus on it.
    session_bus: Program,
    accessibility: Program,
    /// The display's number, as long as it is started.
    number: Mutex<Option<u32>>,
    bus: Mutex<Option<String>>,
    /// Held while programs are started or stopped.
    changing: tokio::sync::Mutex<()>,
    /// The daemon's plugin has died, in 0.190.
    crashed: AtomicBool,
    pub recorder: Recorder,
    /// Keycodes that were given to characters without a key, the oldest first.
    pub spare_keys: Mutex<VecDeque<u8>>,
}

impl Default for Desktop {
    fn default() -> Self {
        Self {
            programs: [
                Program::new("xvfb", 100, true),
                Program::new("xfce4", 200, true),
                Program::new("x11vnc", 300, true),
                Program::new("novnc", 400, true),
            ],
            session_bus: Program::new("dbus", 240, true),
            accessibility: Program::new("atspi", 250, false),
            number: Mutex::default(),
            bus: Mutex::default(),
            changing: tokio::sync::Mutex::default(),
            crashed: AtomicBool::new(false),
            recorder: Recorder::default(),
            spare_keys: Mutex::default(),
        }
    }
}

impl Desktop {
    /// The value of DISPLAY, once it is started.
    pub fn variable(&self) -> Option<String> {
        self.number.lock().map(|number| format!(":{number}"))
    }

    /// The value of DBUS_SESSION_BUS_ADDRESS, once the desktop is started, where D-Bus is installed.
    pub fn bus_address(&self) -> Option<String> {
        self.bus.lock().clone()
    }

    /// The display, for work that needs one.
    pub fn display(&self) -> Result<Display, Failure> {
        self.alive()?;
        let number = self.number.lock().ok_or_else(Failure::not_started)?;
        Display::connect(number)
    }

    /// The display, for input. Without one the plugin of 0.190 dies of it.
    pub fn input(&self, machine: &Machine) -> Result<Display, Failure> {
        self.alive()?;
        if self.number.lock().is_none() && machine.protocol == Protocol::V0_190 {
            self.crashed.store(true, Ordering::Relaxed);
            return Err(Failure::bad_request("unexpected EOF"));
        }
        self.display()
    }

    pub fn is_started(&self) -> bool {
        self.number.lock().is_some()
    }

    fn alive(&self) -> Result<(), Failure> {
        match self.crashed.load(Ordering::Relaxed) {
            true => Err(Failure::bad_request("connection is shut down")),
            false => Ok(()),
        }
    }

    pub fn program(&self, name: &str) -> Result<&Program, Failure> {
        self.alive()?;
        let mut known = self.programs.iter().chain([&self.accessibility]);
        let found = known.find(|program| program.name == name);
        found.ok_or_else(|| Failure::bad_request(format!("process {name} not found")))
    }

    /// The programs as start and stop tell them.
    pub fn statuses(&self, machine: &Machine) -> Value {
        let mut statuses: Vec<_> =
            self.programs.iter().map(|program| (program.name.to_owned(), program.status())).collect();
        if launcher().is_some() && machine.program("dbus-daemon").is_some() {
            let mut status = self.accessibility.status();
            // The daemon tells whether its bus answers, which is no one process.
            status["Pid"] = Value::Null;
            statuses.push((self.accessibility.name.to_owned(), status));
        }
        statuses.sort_by(|one, other| one.0.cmp(&other.0));
        Value::Object(statuses.into_iter().collect::<Map<_, _>>())
    }

    /// `active`: every program that is installed runs.
    pub fn status(&self, machine: &Machine) -> Result<&'static str, Failure> {
        self.alive()?;
        let mut wanted = self.programs.iter().filter(|program| behind(machine, program.name).is_some());
        if wanted.all(Program::is_running) {
            return Ok("active");
        }
        // 0.190 starts the accessibility bus with the sandbox.
        let some = self.programs.iter().any(Program::is_running) || machine.protocol == Protocol::V0_190;
        Ok(if some { "partial" } else { "inactive" })
    }

    /// Starts what does not run yet, and returns when it can be used.
    pub async fn start(&self, machine: &Machine) -> Result<(), Failure> {
        self.alive().map_err(Failure::unavailable)?;
        let _one_at_a_time = self.changing.lock().await;
        let missing: Vec<_> = [("Xvfb", "xvfb"), ("openbox", "openbox")]
            .into_iter()
            .filter(|(program, _)| machine.program(program).is_none())
            .map(|(program, package)| format!("{program} is not installed: install the package {package}"))
            .collect();
        if !missing.is_empty() {
            return Err(Failure::missing(missing.join("; ")));
        }
        if !self.programs[XVFB].is_running() {
            self.start_display(machine).await?;
        }
        if !self.programs[WINDOW_MANAGER].is_running() {
            let launch = launch(machine, &self.programs[WINDOW_MANAGER], "openbox", ["--sm-disable".into()])?;
            self.programs[WINDOW_MANAGER].start(launch).await?;
        }
        self.window_manager_is_ready().await?;
        self.start_accessibility(machine).await?;
        self.start_vnc(machine).await
    }

    /// Starts the accessibility bus, where it is installed. Without it the rest of the desktop works.
    async fn start_accessibility(&self, machine: &Machine) -> Result<(), Failure> {
        let Some(launcher) = launcher().filter(|_| machine.program("dbus-daemon").is_some()) else {
            return Ok(());
        };
        if !self.session_bus.is_running() {
            let socket = format!("/tmp/.dbus-{}", machine.id);
            let address = format!("unix:path={socket}");
            let _not_there = std::fs::remove_file(&socket);
            let arguments = ["--session".into(), "--nofork".into(), format!("--address={address}")];
            let launch = launch(machine, &self.session_bus, "dbus-daemon", arguments)?;
            self.session_bus.start(launch).await?;
            let is_there = || std::os::unix::net::UnixStream::connect(&socket).is_ok();
            if !waits(&self.session_bus, is_there).await {
                return Ok(());
            }
            *self.bus.lock() = Some(address);
        }
        if !self.accessibility.is_running() {
            let launch = Launch {
                program: launcher,
                arguments: vec!["--launch-immediately".to_owned()],
                environment: machine.command_env(),
                home: machine.home.clone(),
                output: self.accessibility.output_path(machine),
            };
            self.accessibility.start(launch).await?;
        }
        let address = self.bus_address().unwrap_or_default();
        let end = Instant::now() + READY_LIMIT;
        while Instant::now() < end
            && self.accessibility.is_running()
            && !accessibility::answers(&address).await
        {
            tokio::time::sleep(READY_PAUSE).await;
        }
        Ok(())
    }

    async fn start_display(&self, machine: &Machine) -> Result<(), Failure> {
        let program = &self.programs[XVFB];
        let resolution = machine.env.lock().get("VNC_RESOLUTION").cloned();
        let resolution = resolution.unwrap_or_else(|| RESOLUTION.to_owned());
        // Another program of a sandbox that shares its /tmp may be faster.
        for number in number::free().take(20) {
            let screen = format!("{resolution}x24");
            let arguments = [format!(":{number}"), "-screen".into(), "0".into(), screen]
                .into_iter()
                // Clients without credentials reach the socket of this sandbox alone.
                .chain(["-nolisten", "local", "-nolisten", "tcp", "-br", "-noreset"].map(str::to_owned));
            program.start(launch(machine, program, "Xvfb", arguments)?).await?;
            if answers(program, number).await {
                *self.number.lock() = Some(number);
                self.spare_keys.lock().clear();
                return Ok(());
            }
            program.stop().await;
        }
        let said = program.output(machine, "err").unwrap_or_default();
        let said = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing").to_owned();
        Err(Failure::missing(format!("failed to start: [xvfb]: {said}")))
    }

    async fn window_manager_is_ready(&self) -> Result<(), Failure> {
        let number = self.number.lock().ok_or_else(Failure::not_started)?;
        blocking(move || {
            let display = Display::connect(number)?;
            let end = Instant::now() + READY_LIMIT;
            while !display.is_managed()? {
                if Instant::now() > end {
                    return Err(Failure::missing("failed to start: [xfce4]"));
                }
                std::thread::sleep(READY_PAUSE);
            }
            Ok(())
        })
        .await
    }

    /// Starts what shows the desktop in a browser, where it is installed.
    async fn start_vnc(&self, machine: &Machine) -> Result<(), Failure> {
        let (x11vnc, novnc) = (&self.programs[X11VNC], &self.programs[NOVNC]);
        if x11vnc.is_running() || behind(machine, "x11vnc").is_none() {
            return Ok(());
        }
        let display = self.variable().unwrap_or_default();
        // Shared memory would stay behind it, on the machine where the sandbox has no namespace for it.
        let fixed = ["-display", &display, "-forever", "-shared", "-localhost", "-noshm", "-rfbport"]
            .map(str::to_owned);
        let arguments = |port: u16| fixed.iter().cloned().chain([port.to_string()]).collect();
        let Some(port) = on_free_port(machine, x11vnc, VNC_PORT, arguments).await? else { return Ok(()) };
        novnc.stop().await;
        let pages = std::path::Path::new("/usr/share/novnc");
        let web = pages.is_dir().then(|| format!("--web={}", pages.display()));
        let arguments = |web_port: u16| {
            web.iter()
                .cloned()
                .chain([format!("127.0.0.1:{web_port}"), format!("127.0.0.1:{port}")])
                .collect()
        };
        on_free_port(machine, novnc, NO_VNC_PORT, arguments).await.map(drop)
    }

    /// Stops all of it, the last started first.
    pub async fn stop(&self) -> Result<(), Failure> {
        self.alive().map_err(Failure::unavailable)?;
        let _one_at_a_time = self.changing.lock().await;
        self.recorder.stop_all().await;
        for program in self.programs.iter().rev().chain([&self.accessibility, &self.session_bus]) {
            program.stop().await;
        }
        *self.number.lock() = None;
        *self.bus.lock() = None;
        Ok(())
    }

    /// Ends one program and starts it anew, as it was started.
    pub async fn restart(&self, machine: &Machine, name: &str) -> Result<(), Failure> {
        let program = self.program(name)?;
        let _one_at_a_time = self.changing.lock().await;
        let Some(launch) = program.launch() else {
            return Err(match behind(machine, name) {
                None => Failure::bad_request(format!("process {name} is not installed in the sandbox")),
                Some(_) => Failure::bad_request(format!("process {name} was not started: start the desktop")),
            });
        };
        program.start(launch).await?;
        let number = *self.number.lock();
        match number {
            Some(number) if name == "xvfb" && !answers(program, number).await => {
                Err(Failure::internal("failed to start: [xvfb]"))
            }
            _ => Ok(()),
        }
    }

    /// Nothing is started again. The processes are killed with all others.
    pub fn clear(&self) {
        self.programs.iter().chain([&self.accessibility, &self.session_bus]).for_each(Program::forget);
        *self.number.lock() = None;
    }
}

/// The program that offers the accessibility bus, where Debian and others have it.
fn launcher() -> Option<PathBuf> {
    let places = ["/usr/libexec/at-spi-bus-launcher", "/usr/lib/at-spi2-core/at-spi-bus-launcher"];
    places.into_iter().map(PathBuf::from).find(|place| place.is_file())
}

/// The program behind one of the daemon's names; `None`: it is not installed, and need not be.
fn behind(machine: &Machine, name: &str) -> Option<&'static str> {
    let installed = |program: &'static str| machine.program(program).map(|_| program);
    match name {
        "x11vnc" => installed("x11vnc"),
        // It shows what x11vnc gives.
        "novnc" => installed("x11vnc").and_then(|_| installed("websockify")),
        "xvfb" => Some("Xvfb"),
        _ => Some("openbox"),
    }
}

fn launch(
    machine: &Machine,
    program: &Program,
    command: &str,
    arguments: impl IntoIterator<Item = String>,
) -> Result<Launch, Failure> {
    let path = machine.program(command);
    Ok(Launch {
        program: path.ok_or_else(|| Failure::missing(format!("{command} is not installed")))?,
        arguments: arguments.into_iter().collect(),
        environment: machine.command_env(),
        home: machine.home.clone(),
        output: program.output_path(machine),
    })
}

/// Waits until the display can be used; `false`: its program has ended, as where another display has the number.
async fn answers(program: &Program, number: u32) -> bool {
    waits(program, || number::owner(number) == program.process() && Display::connect(number).is_ok()).await
}

async fn waits(program: &Program, is_ready: impl Fn() -> bool) -> bool {
    let first = program.process();
    let end = Instant::now() + READY_LIMIT;
    while Instant::now() < end {
        if is_ready() {
            return true;
        }
        if program.process() != first {
            return false;
        }
        tokio::time::sleep(READY_PAUSE).await;
    }
    false
}

/// Starts a program on the first port from this one on that is free, and returns it when the program listens.
/// `None`: it is not installed, or listens nowhere.
async fn on_free_port(
    machine: &Machine,
    program: &Program,
    first: u16,
    arguments: impl Fn(u16) -> Vec<String>,
) -> Result<Option<u16>, Failure> {
    let Some(command) = behind(machine, program.name) else { return Ok(None) };
    // The program of another sandbox may be faster: they share the machine's ports.
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    for port in (first..first + 1000).filter(is_free).take(20) {
        program.start(launch(machine, program, command, arguments(port))?).await?;
        if waits(program, || port::listening(machine).contains(&port)).await {
            return Ok(Some(port));
        }
        program.stop().await;
    }
    Ok(None)
}
