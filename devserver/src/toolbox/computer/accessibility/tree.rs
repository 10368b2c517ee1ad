//! Walks over the widgets of a program, or of all.

use super::bus::{Bus, Reference, Trouble, Widget};
use super::{Failure, invalid};
use regex::Regex;
use serde_json::{Value, json};

/// The most widgets of one walk.
const WALK_LIMIT: usize = 20_000;
const FIND_DEFAULT: i64 = 500;
const FIND_LIMIT: i64 = 5_000;

/// Which programs are meant.
pub enum Scope {
    Focused,
    Process(u32),
    All,
}

impl Scope {
    pub fn read(scope: &str, process: i64) -> Result<Self, Failure> {
        match scope.trim().to_lowercase().as_str() {
            "" | "focused" => Ok(Self::Focused),
            "all" => Ok(Self::All),
            "pid" => match u32::try_from(process) {
                Ok(process) if process > 0 => Ok(Self::Process(process)),
                _ => Err(invalid("pid must be positive")),
            },
            _ => Err(Failure::bad_request(format!(
                "invalid accessibility scope: got {scope:?}, expected focused|pid|all"
            ))
            .former_code("A11Y_INVALID_SCOPE")),
        }
    }

    async fn root(&self, bus: &Bus) -> Result<Reference, Trouble> {
        let registry = Reference::registry();
        if matches!(self, Self::All) {
            return Ok(registry);
        }
        let programs = bus.children(&registry).await?;
        for program in &programs {
            let is_meant = match self {
                Self::Process(wanted) => bus.process(&program.program).await.ok() == Some(*wanted),
                _ => has_active_window(bus, program).await,
            };
            if is_meant {
                return Ok(program.clone());
            }
        }
        match self {
            // No window has the keyboard: the first program, as the daemon.
            Self::Focused => programs.into_iter().next().ok_or(Trouble::NoRoot),
            _ => Err(Trouble::NoRoot),
        }
    }
}

async fn has_active_window(bus: &Bus, program: &Reference) -> bool {
    for window in bus.children(program).await.unwrap_or_default() {
        if bus.states(&window).await.contains(&"active") {
            return true;
        }
    }
    false
}

pub async fn tree(bus: &Bus, scope: &Scope, depth: i64) -> Result<Value, Trouble> {
    let root = scope.root(bus).await?;
    let mut left = WALK_LIMIT;
    let root = below(bus, root, depth, &mut left).await?;
    Ok(json!({ "root": root, "truncated": left == 0 }))
}

/// A widget with what is in it, down to a depth; -1: to the end.
async fn below(bus: &Bus, node: Reference, depth: i64, left: &mut usize) -> Result<Value, Trouble> {
    *left = left.saturating_sub(1);
    let widget = bus.widget(&node).await?;
    let mut children = Vec::new();
    if depth != 0 {
        for child in bus.children(&node).await.unwrap_or_default() {
            if *left == 0 {
                break;
            }
            match Box::pin(below(bus, child, depth - depth.signum().max(0), left)).await {
                Ok(child) => children.push(child),
                // Gone meanwhile.
                Err(Trouble::NoNode) => {}
                Err(trouble) => return Err(trouble),
            }
        }
    }
    Ok(widget.json(children))
}

enum NameMatch {
    Any,
    Exact(String),
    Part(String),
    Pattern(Regex),
}

/// What widgets are looked for.
pub struct Filter {
    role: String,
    name: NameMatch,
    states: Vec<String>,
}

impl Filter {
    pub fn read(role: &str, name: String, name_match: &str, states: Vec<String>) -> Result<Self, Failure> {
        let name = match name_match {
            "exact" | "" | "substring" | "regex" if name.is_empty() => NameMatch::Any,
            "exact" => NameMatch::Exact(name),
            "" | "substring" => NameMatch::Part(name),
            "regex" => NameMatch::Pattern(
                Regex::new(&name)
                    .map_err(|error| invalid(format!("invalid regex for name filter: {error}")))?,
            ),
            other => {
                return Err(invalid(format!("unknown nameMatch mode {other:?}, want exact|substring|regex")));
            }
        };
        Ok(Self { role: role.to_lowercase(), name, states })
    }

    fn matches(&self, widget: &Widget) -> bool {
        let is_named = match &self.name {
            NameMatch::Any => true,
            NameMatch::Exact(name) => widget.name == *name,
            NameMatch::Part(part) => widget.name.contains(part),
            NameMatch::Pattern(pattern) => pattern.is_match(&widget.name),
        };
        let has_role = self.role.is_empty() || widget.role.to_lowercase() == self.role;
        is_named && has_role && self.states.iter().all(|state| widget.states.contains(&state.as_str()))
    }
}

pub async fn find(bus: &Bus, scope: &Scope, filter: &Filter, limit: i64) -> Result<Value, Trouble> {
    let limit = if limit <= 0 { FIND_DEFAULT } else { limit.min(FIND_LIMIT) } as usize;
    let mut waiting = vec![scope.root(bus).await?];
    let mut found = Vec::new();
    let mut left = WALK_LIMIT;
    while let Some(node) = waiting.pop() {
        if left == 0 || found.len() == limit {
            break;
        }
        left -= 1;
        let widget = match bus.widget(&node).await {
            Ok(widget) => widget,
            Err(Trouble::NoNode) => continue,
            Err(trouble) => return Err(trouble),
        };
        if filter.matches(&widget) {
            found.push(widget.json(Vec::new()));
        }
        // In the order of the tree.
        waiting.extend(bus.children(&node).await.unwrap_or_default().into_iter().rev());
    }
    let truncated = left == 0 || found.len() == limit;
    Ok(json!({ "matches": found, "truncated": truncated }))
}
