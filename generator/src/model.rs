//! The catalogue as its generated texts need it: operations with their arguments and options, the shapes that
//! they share.

use crate::schema::{self, Schemas, base_type, resolve};
use daytona::catalogue::constants::CHANNELS;
use daytona::catalogue::{Operation, Returns, StreamEvents, Target};
use daytona::client::status;
use serde_json::{Map, Value};

/// Everything that is published.
pub struct Catalogue {
    pub functions: Vec<Function>,
    /// The shapes that operations share, by name.
    pub definitions: Map<String, Value>,
    /// The options that every operation takes.
    pub common: Vec<Field>,
    /// The configuration of `client.open`.
    pub config: Value,
    /// The options of `daytona_queue_open`.
    pub queue: Value,
    /// The error JSON.
    pub error: Value,
    /// The data of PROGRESS.
    pub progress: Value,
}

/// One operation, read from its entry and the schemas of its types.
pub struct Function {
    pub operation: &'static Operation,
    pub doc: String,
    /// In the order of the C function.
    pub arguments: Vec<Field>,
    pub options: Vec<Field>,
    /// The JSON of the result.
    pub result: Option<Value>,
    /// The JSON of OPENED and ENDED.
    pub opened: Option<Value>,
    pub ended: Option<Value>,
}

/// An argument or option.
pub struct Field {
    pub name: String,
    pub schema: Value,
}

/// How a required argument crosses the C border.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Integer,
    /// true or false, as an integer: 0 is false.
    Flag,
    Json,
    TextOrObject,
}

impl Catalogue {
    pub fn read() -> Result<Self, String> {
        let mut schemas = Schemas::new();
        let functions: Vec<Function> = daytona::catalogue::all()
            .map(|operation| Function::read(operation, &mut schemas))
            .collect::<Result<_, _>>()?;
        let common = schemas.parameters(daytona::catalogue::common::options);
        let config = schemas.parameters(daytona::catalogue::common::config);
        let queue = schemas.parameters(daytona::catalogue::common::queue);
        let error = schemas.result(daytona::catalogue::common::error);
        let progress = schemas.result(daytona::catalogue::common::progress);
        let common = fields(&common);
        Ok(Self { functions, definitions: schemas.definitions()?, common, config, queue, error, progress })
    }

    /// The options that this operation shares with the others.
    pub fn common_of(&self, function: &Function) -> impl Iterator<Item = &Field> {
        let is_stream = function.operation.stream.is_some();
        self.common.iter().filter(move |field| is_stream || field.schema["streams"] != true)
    }
}

fn fields(schema: &Value) -> Vec<Field> {
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties.map(|(name, schema)| Field { name: name.clone(), schema: schema.clone() }).collect()
}

impl Function {
    fn read(operation: &'static Operation, schemas: &mut Schemas) -> Result<Self, String> {
        let mut options = fields(&schemas.parameters(operation.params_schema));
        let mut arguments = Vec::new();
        for name in operation.required {
            let at = options.iter().position(|field| field.name == *name);
            let at = at.ok_or_else(|| format!("{}: no parameter is named {name}", operation.name))?;
            arguments.push(options.remove(at));
        }
        let events = operation.events.as_ref();
        Ok(Self {
            operation,
            doc: schema::flowing(operation.doc),
            arguments,
            options,
            result: operation.result_schema.map(|of| schemas.result(of)),
            opened: events.map(|events| schemas.result(events.opened_schema)),
            ended: events.map(|events| schemas.result(events.ended_schema)),
        })
    }

    /// Has a C function of its own: calls do, unless they are the echo target's.
    pub fn is_named(&self) -> bool {
        self.operation.call.is_some() && self.operation.target != Target::Echo
    }

    pub fn area(&self) -> &'static str {
        self.operation.name.split('.').next().unwrap_or_default()
    }

    pub fn c_name(&self) -> String {
        format!("daytona_{}", self.operation.name.replace('.', "_"))
    }

    /// The names of the statuses that its blocking function can return.
    pub fn blocking_statuses(&self) -> Vec<&'static str> {
        status_names(&self.operation.blocking_statuses())
    }

    /// What its `out` gets.
    pub fn result_name(&self) -> &'static str {
        match self.operation.returns {
            Returns::Json => "the result as JSON",
            Returns::Null => "`null`",
            Returns::Bytes => "the bytes",
            Returns::Text => "the text",
            Returns::Handle => "the sandbox as JSON",
        }
    }
}

impl Field {
    pub fn kind(&self, definitions: &Map<String, Value>) -> Kind {
        match base_type(resolve(&self.schema, definitions)) {
            Some("string") => Kind::Text,
            Some("integer") => Kind::Integer,
            Some("boolean") => Kind::Flag,
            Some(_) => Kind::Json,
            None => Kind::TextOrObject,
        }
    }
}

/// The names of the channels that a stream's DATA can be of.
pub fn channel_names(events: &StreamEvents) -> Vec<&'static str> {
    let name = |number| CHANNELS.iter().find(|(_, known, _)| *known == number).map(|(name, ..)| *name);
    events.channels.iter().filter_map(|channel| name(*channel as i32)).collect()
}

/// The names of statuses, in the order of the numbers.
pub fn status_names(numbers: &[i32]) -> Vec<&'static str> {
    let known = status::ALL.iter();
    known.filter(|(number, ..)| numbers.contains(number)).map(|(_, name, _)| *name).collect()
}

pub fn snake(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}
