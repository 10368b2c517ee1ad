//! The C interface as the package `api` has it: the functions that it calls, the event, and their constants.

use super::file;
use super::names::{columns, exported};
use crate::languages::File;
use crate::languages::surface::{Constant, Surface};
use heck::ToLowerCamelCase;
use std::fmt::Write;

const CALLED: [&str; 15] = [
    "daytona_call",
    "daytona_cancel",
    "daytona_client_open",
    "daytona_close",
    "daytona_echo_open",
    "daytona_event_take",
    "daytona_free",
    "daytona_queue_fd",
    "daytona_queue_next",
    "daytona_queue_open",
    "daytona_shutdown",
    "daytona_stream_finish",
    "daytona_stream_open",
    "daytona_stream_write",
    "daytona_submit",
];

pub fn render(surface: &Surface) -> Result<File, String> {
    let mut body =
        String::from("package api\n\nimport (\n\t\"unsafe\"\n\n\t\"github.com/ebitengine/purego\"\n)\n");
    constants(&mut body, "kind", "The kinds of events", &surface.kinds);
    constants(&mut body, "status", "The statuses", &surface.statuses);
    body.push_str("\n// event is daytona_event_t.\ntype event struct {\n");
    let fields = surface.event()?.map(|(of, name)| (name.to_lower_camel_case(), go_type(of).to_owned()));
    columns(&mut body, "\t", fields);
    let names: String = CALLED.iter().map(|name| format!("\t\"{name}\",\n")).collect();
    write!(
        body,
        "}}\n\n// functions are the names of those that are called, addresses where they are.\n\
         var functions = [...]string{{\n{names}}}\n\nvar addresses [len(functions)]uintptr\n"
    )
    .unwrap();
    for (number, name) in CALLED.iter().enumerate() {
        let declared = surface.functions().find(|(_, declared, _)| declared == name);
        let (.., parameters) = declared.ok_or(format!("the header has no {name}"))?;
        function(&mut body, number, name, &parameters);
    }
    Ok(file("api/gen_library.go", body))
}

fn constants(body: &mut String, prefix: &str, doc: &str, constants: &[Constant]) {
    write!(body, "\n// {doc}, by their numbers.\nconst (\n").unwrap();
    let named = |it: &Constant| (format!("{prefix}{}", exported(&it.name)), format!("= {}", it.number));
    columns(body, "\t", constants.iter().map(named));
    body.push_str(")\n");
}

/// A function that ends with error JSON gives an error, any other its status.
fn function(body: &mut String, number: usize, name: &str, parameters: &[(&str, &str)]) {
    let (mut takes, mut passes) = (Vec::new(), format!("addresses[{number}]"));
    for (of, name) in parameters {
        let (name, of) = (name.to_lower_camel_case(), go_type(of));
        let value = if of.starts_with('*') { format!("unsafe.Pointer({name})") } else { name.clone() };
        write!(passes, ", uintptr({value})").unwrap();
        takes.push(format!("{name} {of}"));
    }
    let fails = takes.pop_if(|last| last == "out *unsafe.Pointer").is_some();
    let (gives, out, result) = match fails {
        true => ("error", "\tvar out unsafe.Pointer\n", "failure(int32(status), out)"),
        false => ("int32", "", "int32(status)"),
    };
    let passes = if fails { passes.replace("unsafe.Pointer(out)", "unsafe.Pointer(&out)") } else { passes };
    write!(
        body,
        "\nfunc {}({}) {gives} {{\n{out}\tstatus, _, _ := purego.SyscallN({passes})\n\treturn {result}\n}}\n",
        name.to_lower_camel_case(),
        takes.join(", ")
    )
    .unwrap();
}

/// The type of a field or parameter.
fn go_type(of: &str) -> &'static str {
    match of.trim_start_matches("const ") {
        "char **" => "*unsafe.Pointer",
        "char *" | "uint8_t *" => "*byte",
        "void *" => "unsafe.Pointer",
        "daytona_event_t *" => "*event",
        "size_t *" => "*int",
        "int64_t *" => "*int64",
        "size_t" => "int",
        "int32_t" => "int32",
        "int64_t" => "int64",
        handle if handle.ends_with('*') => "*uint64",
        _ => "uint64",
    }
}
