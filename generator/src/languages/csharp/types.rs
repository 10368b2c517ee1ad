//! Types of the catalogue in C#.

use super::super::surface::Member;
use super::super::types::Type;
use super::names;

/// A length of time, in what the JSON counts it in.
#[derive(Clone, Copy, PartialEq)]
pub enum Span {
    Milliseconds,
    Seconds,
    Minutes,
}

pub fn span(member: &Member) -> Option<Span> {
    if !matches!(member.of, Type::Integer | Type::Number) {
        return None;
    }
    match member.unit.as_deref() {
        Some("ms") => Some(Span::Milliseconds),
        Some("s") => Some(Span::Seconds),
        Some("minutes") => Some(Span::Minutes),
        _ => None,
    }
}

/// `int` for what people count and compare with their own numbers, `long` for lengths of files and the like.
fn integer(member: &Member) -> &'static str {
    let is_small = matches!(member.format.as_deref(), Some("int32" | "uint16"))
        || matches!(member.unit.as_deref(), Some("px" | "vCPU" | "GiB"))
        || matches!(member.name.as_str(), "exitCode" | "cols" | "rows");
    if is_small { "int" } else { "long" }
}

/// The type of a result's value.
pub fn result(of: &Type) -> String {
    match of {
        Type::Text => "string".into(),
        Type::Time => "DateTimeOffset".into(),
        // Of a list or map; a field's own says how large it gets.
        Type::Integer => "int".into(),
        Type::Number => "double".into(),
        Type::Boolean => "bool".into(),
        Type::Any | Type::Object | Type::Either(_) => "JsonElement".into(),
        Type::List(of) => format!("IReadOnlyList<{}>", result(of)),
        Type::Map(of) => format!("IReadOnlyDictionary<string, {}>", result(of)),
        Type::Shape(name) => names::shape(name),
        Type::Choice(name) => names::pascal(name),
    }
}

/// The type of a field of a result, without `?`.
pub fn field(member: &Member) -> String {
    match (&member.of, span(member)) {
        (_, Some(_)) => "TimeSpan".into(),
        (Type::Integer, None) => integer(member).into(),
        (of, None) => result(of),
    }
}

/// The function that makes a result of an answer.
pub fn answering(of: &Type) -> String {
    format!("static answer => {}", answered(of))
}

/// The expression that makes a result of an answer.
pub fn answered(of: &Type) -> String {
    format!("answer.Json({})", reader(of))
}

/// The function that reads a value of this type.
fn reader(of: &Type) -> String {
    match of {
        // Qualified, because operations may have the names of records.
        Type::Shape(name) => format!("Daytona.{}.Read", names::shape(name)),
        Type::Any | Type::Object | Type::Either(_) => "ResultReader.Element".into(),
        of => format!("static (ref ResultReader json) => {}", read(of)),
    }
}

fn read(of: &Type) -> String {
    match of {
        Type::Text => "json.Text()!".into(),
        Type::List(of) => format!("json.IsNull ? null! : json.List({})", reader(of)),
        Type::Map(of) => format!("json.IsNull ? null! : json.Map({})", reader(of)),
        Type::Shape(_) | Type::Any | Type::Object | Type::Either(_) => format!("{}(ref json)", reader(of)),
        of => format!("json.{}()!.Value", scalar(of)),
    }
}

/// The method that reads a value of its own type, or null.
fn scalar(of: &Type) -> String {
    match of {
        Type::Text => "Text".into(),
        Type::Time => "Time".into(),
        Type::Integer => "Int".into(),
        Type::Number => "Double".into(),
        Type::Boolean => "Boolean".into(),
        Type::Choice(name) => format!("Choice<{}>", names::pascal(name)),
        _ => "Any".into(),
    }
}

/// The expression that reads a field of a result.
pub fn reading(member: &Member, is_promised: bool) -> String {
    let value = match (&member.of, span(member)) {
        (_, Some(Span::Milliseconds)) => "json.Span(TimeSpan.TicksPerMillisecond)".into(),
        (_, Some(Span::Seconds)) => "json.Span(TimeSpan.TicksPerSecond)".into(),
        (_, Some(Span::Minutes)) => "json.Span(TimeSpan.TicksPerMinute)".into(),
        (Type::Integer, None) if integer(member) == "long" => "json.Long()".into(),
        (Type::List(_) | Type::Map(_) | Type::Shape(_), None) => return read(&member.of),
        (of, None) if is_promised => return read(of),
        (of, None) => format!("json.{}()", scalar(of)),
    };
    if is_promised { format!("{value}!.Value") } else { value }
}

/// What stands for a field that is promised and not there.
pub fn fallback(of: &Type) -> Option<String> {
    Some(match of {
        Type::Text => "\"\"".into(),
        Type::List(_) => "[]".into(),
        Type::Map(of) => format!("ReadOnlyDictionary<string, {}>.Empty", result(of)),
        Type::Shape(_) => "new()".into(),
        _ => return None,
    })
}

/// One value or several of them: a list, in whose place the JSON may have its one element.
fn one_or_more(types: &[Type]) -> Option<&Type> {
    match types {
        [one, Type::List(of)] if **of == *one => Some(one),
        _ => None,
    }
}

/// The type of an argument, of an option, or of a field of parameters, without `?`.
pub fn parameter(member: &Member, use_of: Use) -> String {
    if span(member).is_some() {
        return "TimeSpan".into();
    }
    match &member.of {
        Type::Integer if member.unit.as_deref() == Some("bytes") => "long".into(),
        Type::Integer => "int".into(),
        of => parameter_type(of, use_of),
    }
}

/// Where a parameter stands: lists are given in another form in each.
#[derive(Clone, Copy, PartialEq)]
pub enum Use {
    Argument,
    Option,
    Field,
}

fn parameter_type(of: &Type, use_of: Use) -> String {
    let (list, map) = match use_of {
        Use::Argument => ("IEnumerable", "IReadOnlyDictionary"),
        Use::Option => ("IList", "IDictionary"),
        Use::Field => ("IReadOnlyList", "IReadOnlyDictionary"),
    };
    match of {
        Type::Text => "string".into(),
        Type::Time => "DateTimeOffset".into(),
        Type::Integer => "int".into(),
        Type::Number => "double".into(),
        Type::Boolean => "bool".into(),
        Type::Any | Type::Object => "JsonElement".into(),
        Type::List(of) => format!("{list}<{}>", parameter_type(of, use_of)),
        Type::Map(of) => format!("{map}<string, {}>", parameter_type(of, use_of)),
        Type::Shape(name) => names::shape(name),
        Type::Choice(name) => names::pascal(name),
        Type::Either(types) if types.iter().any(|of| *of == Type::Shape("Image".into())) => "Image".into(),
        Type::Either(types) => match one_or_more(types) {
            Some(one) => format!("{list}<{}>", parameter_type(one, use_of)),
            None => "JsonElement".into(),
        },
    }
}

/// The call that writes a value: the method of `Parameters`, and how the value is handed over.
pub fn writer(member: &Member, value: &str) -> String {
    let name = &member.name;
    let (method, of_unit) = match (&member.of, span(member)) {
        (_, Some(Span::Milliseconds)) if member.endless == Some(0) => ("Limit", ""),
        (_, Some(Span::Milliseconds)) => ("Span", ", TimeSpan.TicksPerMillisecond, -1"),
        (Type::Number, Some(Span::Seconds)) => ("Seconds", ""),
        (_, Some(Span::Seconds)) => ("Span", ", TimeSpan.TicksPerSecond, 0"),
        (_, Some(Span::Minutes)) if member.endless == Some(0) => ("Span", ", TimeSpan.TicksPerMinute, 0"),
        (_, Some(Span::Minutes)) => ("Span", ", TimeSpan.TicksPerMinute, -1"),
        (Type::Either(types), None) if one_or_more(types) == Some(&Type::Text) => ("OneOrMore", ""),
        (_, None) => ("Add", ""),
    };
    format!(".{method}(\"{name}\"u8, {value}{of_unit})")
}

/// Whether null can stand for a value of this type without `?`: a reference type.
pub fn is_reference(of: &Type) -> bool {
    match of {
        Type::Text | Type::List(_) | Type::Map(_) | Type::Shape(_) => true,
        Type::Either(types) => {
            one_or_more(types).is_some() || types.iter().any(|of| *of == Type::Shape("Image".into()))
        }
        _ => false,
    }
}

/// Whether an option of this type holds several values, and is never null.
pub fn is_collection(of: &Type) -> bool {
    match of {
        Type::List(_) | Type::Map(_) => true,
        Type::Either(types) => one_or_more(types).is_some(),
        _ => false,
    }
}
