//! One build from its text to its image.

use super::context::Context;
use super::dockerfile::{Instruction, Verb, parse};
use super::stage::Stage;
use super::words::{Variables, word};
use super::{Image, Log, Source};
use crate::app_state::AppState;
use std::sync::Arc;

/// Builds; the error is the reason that a client sees.
pub async fn run(app: &Arc<AppState>, source: &Source, log: &Arc<Log>) -> Result<Image, String> {
    let instructions = parse(&source.dockerfile).map_err(|error| error.to_string())?;
    let context = match source.context_hashes.as_slice() {
        [] => None,
        hashes => Some(Context::unpack(app, &source.organization, hashes).await?),
    };
    let mut job = Job {
        app: app.clone(),
        log: log.clone(),
        context,
        disk_gib: source.disk_gib,
        global: Variables::new(),
        stages: Vec::new(),
    };
    let made = job.run(&instructions).await;
    // Ends their processes, and blocks until they are gone.
    let stages = std::mem::take(&mut job.stages);
    let _ended = tokio::task::spawn_blocking(move || drop(stages)).await;
    made
}

struct Job {
    app: Arc<AppState>,
    log: Arc<Log>,
    context: Option<Context>,
    disk_gib: u64,
    /// Arguments before the first stage.
    global: Variables,
    stages: Vec<Stage>,
}

impl Job {
    async fn run(&mut self, instructions: &[Instruction]) -> Result<Image, String> {
        for (number, instruction) in instructions.iter().enumerate() {
            let text = &instruction.text;
            self.log.line(&format!("Step {}/{} : {text}", number + 1, instructions.len()));
            let done = self.step(instruction).await;
            done.map_err(|why| format!("line {}: {why}", instruction.line))?;
        }
        let last = self.stages.last_mut().ok_or("no stage")?;
        last.finish().await
    }

    async fn step(&mut self, instruction: &Instruction) -> Result<(), String> {
        match instruction.verb {
            Verb::From => self.begin_stage(instruction).await,
            Verb::Arg if self.stages.is_empty() => {
                for (name, value) in super::stage::arguments(&instruction.rest, &self.global)? {
                    self.global.insert(name, value.unwrap_or_default());
                }
                Ok(())
            }
            Verb::Copy | Verb::Add => self.copy(instruction).await,
            _ => self.stages.last_mut().ok_or("no stage")?.step(instruction).await,
        }
    }

    async fn begin_stage(&mut self, instruction: &Instruction) -> Result<(), String> {
        let mut words = instruction.rest.split_whitespace();
        let base = word(words.next().unwrap_or_default(), &self.global)?;
        let name = words.nth(1).unwrap_or_default().to_ascii_lowercase();
        let base_stage = self
            .stages
            .iter_mut()
            .find(|stage| !stage.name.is_empty() && stage.name == base.to_ascii_lowercase());
        let image = match base_stage {
            Some(stage) => stage.finish().await?,
            None if is_reference(&base) => Image::default(),
            None => return Err(format!("failed to parse {base:?}: invalid reference format")),
        };
        let stage = Stage::new(&self.app, &self.log, name, image, self.global.clone(), self.disk_gib);
        self.stages.push(stage);
        Ok(())
    }

    async fn copy(&mut self, instruction: &Instruction) -> Result<(), String> {
        let from = instruction.flags.iter().find(|(name, _)| name == "from").map(|(_, value)| value.clone());
        let Some(from) = from.filter(|_| instruction.verb == Verb::Copy) else {
            let stage = self.stages.last_mut().ok_or("no stage")?;
            return stage.copy(instruction, self.context.as_ref()).await;
        };
        let from = from.to_ascii_lowercase();
        let last = self.stages.len() - 1;
        let number = from.parse::<usize>().ok().filter(|number| *number < last);
        let named = self.stages[..last].iter().position(|stage| !stage.name.is_empty() && stage.name == from);
        match named.or(number) {
            Some(index) => {
                let (before, this) = self.stages.split_at_mut(last);
                this[0].copy_from(instruction, &mut before[index]).await
            }
            // Any image's files are the machine's own.
            None if is_reference(&from) => {
                let disk_gib = self.disk_gib;
                let image = Image::default();
                let mut other =
                    Stage::new(&self.app, &self.log, String::new(), image, Variables::new(), disk_gib);
                let copied = self.stages[last].copy_from(instruction, &mut other).await;
                let _ended = tokio::task::spawn_blocking(move || drop(other)).await;
                copied
            }
            None => Err(format!("--from={from}: no such stage, and no image's name")),
        }
    }
}

/// `[HOST[:PORT]/]PATH[:TAG][@DIGEST]`, the path in lower case.
pub fn is_reference(image: &str) -> bool {
    let (image, digest) =
        image.split_once('@').map_or((image, None), |(image, digest)| (image, Some(digest)));
    let (image, tag) = match image.rsplit_once(':') {
        Some((image, tag)) if !tag.contains('/') => (image, Some(tag)),
        _ => (image, None),
    };
    let is_word = |word: &str| {
        !word.is_empty()
            && word.chars().all(|letter| letter.is_ascii_alphanumeric() || "._-".contains(letter))
    };
    let mut parts = image.split('/');
    let host = if image.contains('/') { parts.next() } else { None };
    let host_is_fine = host.is_none_or(|host| host.split(':').all(is_word));
    let path_is_fine = parts.all(|part| is_word(part) && part.to_ascii_lowercase() == part);
    let digest_is_fine = digest.is_none_or(|digest| digest.split(':').all(is_word));
    host_is_fine && path_is_fine && digest_is_fine && tag.is_none_or(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_image_reference_is_none() {
        for good in
            ["python:3.12", "debian", "ghcr.io/a/b_c:V1", "localhost:5000/x", "a/b@sha256:0f", "Host.io/x"]
        {
            assert!(is_reference(good), "{good}");
        }
        for bad in ["Python", "a/B", "a:", "a//b", "a/b!", ""] {
            assert!(!is_reference(bad), "{bad}");
        }
    }
}
