//! A canned Daytona: answers from memory, on one thread, so that the client is what is measured.
//! Prints its port and serves until its standard input ends.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bench::{
    FRAME_BYTES, MIB, PAGE, READ_BYTES, SANDBOXES, SCREENSHOT_BYTES, STREAM_BYTES, TRANSFER_BYTES,
    monotonic_us,
};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use std::rc::Rc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, coding::CloseCode};

struct Canned {
    execute: Vec<u8>,
    /// One sandbox.
    made: Vec<u8>,
    /// All sandboxes at once, and in pages whose cursors are their numbers.
    list: Vec<u8>,
    pages: Vec<Vec<u8>>,
    block: Vec<u8>,
    /// Log frames: a marker, a line of 80 bytes, and so on.
    log: Bytes,
    flood: Bytes,
    /// A picture in base64.
    screenshot: Vec<u8>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let canned = Rc::new(canned(port));
    println!("{port}");
    let local = tokio::task::LocalSet::new();
    local.spawn_local(async move {
        loop {
            let Ok((socket, _)) = listener.accept().await else { continue };
            let _ = socket.set_nodelay(true);
            let canned = canned.clone();
            tokio::task::spawn_local(async move {
                let _ = serve(socket, &canned).await;
            });
        }
    });
    let (tell, told) = std::sync::mpsc::channel::<()>();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        drop(tell);
        std::process::exit(0);
    });
    local.await;
    drop(told);
    Ok(())
}

fn response(body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn canned(port: u16) -> Canned {
    let one = |n: usize| {
        format!(
            r#"{{"id":"00000000-0000-4000-8000-{n:012}","organizationId":"org","name":"sandbox-{n}","target":"local","snapshot":"default","user":"daytona","env":{{}},"labels":{{"code-toolbox-language":"python","n":"{n}"}},"public":false,"networkBlockAll":false,"cpu":1,"gpu":0,"memory":1,"disk":3,"state":"started","desiredState":"started","autoStopInterval":15,"autoArchiveInterval":10080,"autoDeleteInterval":-1,"createdAt":"2026-11-24T10:00:00.000Z","updatedAt":"2026-11-24T10:00:00.000Z","toolboxProxyUrl":"http://127.0.0.1:{port}/toolbox"}}"#
        )
    };
    let items: Vec<String> = (0..SANDBOXES).map(one).collect();
    let list = format!(r#"{{"items":[{}],"nextCursor":null}}"#, items.join(","));
    let pages = items.chunks(PAGE).zip(1..).map(|(items, next)| {
        let cursor = if next * PAGE < SANDBOXES { format!("\"{next}\"") } else { "null".to_owned() };
        response(format!(r#"{{"items":[{}],"nextCursor":{cursor}}}"#, items.join(",")).as_bytes())
    });
    let mut log = Vec::with_capacity(FRAME_BYTES);
    while log.len() + 83 <= FRAME_BYTES {
        log.extend_from_slice(&[1, 1, 1]);
        log.extend_from_slice(&[b'x'; 79]);
        log.push(b'\n');
    }
    Canned {
        execute: response(
            br#"{"exitCode":0,"result":"hello\n","artifacts":{"stdout":"hello\n","charts":[]}}"#,
        ),
        made: response(one(1).as_bytes()),
        list: response(list.as_bytes()),
        pages: pages.collect(),
        block: vec![b'x'; MIB],
        log: log.into(),
        flood: vec![b'x'; FRAME_BYTES].into(),
        screenshot: response(screenshot().as_bytes()),
    }
}

/// The daemon's answer for a screen that does not compress.
fn screenshot() -> String {
    let mut state = 1_u32;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    });
    let image: Vec<u8> = noise.take(SCREENSHOT_BYTES).collect();
    format!(r#"{{"screenshot":"{}"}}"#, STANDARD.encode(image))
}

/// Serves one connection until it ends.
async fn serve(mut socket: TcpStream, canned: &Canned) -> std::io::Result<()> {
    let mut buffer = Vec::with_capacity(256 << 10);
    loop {
        let head_end = loop {
            if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            if socket.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        };
        let head = String::from_utf8_lossy(&buffer[..head_end]).into_owned();
        buffer.drain(..head_end);
        let path = head.split(' ').nth(1).unwrap_or("").to_owned();
        if let Some(key) = header(&head, "sec-websocket-key") {
            let protocol = header(&head, "sec-websocket-protocol").unwrap_or_default();
            return websocket(socket, canned, &path, key, protocol).await;
        }
        if header(&head, "expect").is_some() {
            socket.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        let mut many = None;
        if path.ends_with("/files/bulk-download") {
            many = Some(body(&mut socket, &mut buffer, &head).await?);
        } else if header(&head, "transfer-encoding").is_some() {
            drain_chunks(&mut socket, &mut buffer).await?;
        } else {
            let length = header(&head, "content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
            drain(&mut socket, &mut buffer, length).await?;
        }
        if let Some(paths) = many {
            let name = if file_length(&paths) == READ_BYTES { "read" } else { "download" };
            socket.write_all(MULTIPART_HEAD.replace("NAME", name).as_bytes()).await?;
            send_file(&mut socket, canned, &paths).await?;
            socket.write_all(MULTIPART_END.as_bytes()).await?;
            return Ok(());
        } else if path.contains("/object-storage/") {
            let access = format!(
                r#"{{"storageUrl":"http://{}","accessKey":"k","secret":"s","sessionToken":"t","bucket":"store","organizationId":"bench","region":"us-east-1"}}"#,
                header(&head, "host").unwrap_or_default()
            );
            socket.write_all(&response(access.as_bytes())).await?;
        } else if path.starts_with("/store/") {
            socket.write_all(&stored(&head, &path)).await?;
        } else if path.contains("/computeruse/screenshot") {
            socket.write_all(&canned.screenshot).await?;
        } else if head.starts_with("POST /api/sandbox") || path.starts_with("/api/sandbox/") {
            socket.write_all(&canned.made).await?;
        } else if path.contains("/files/download") {
            let length = file_length(&path);
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: {length}\r\n\r\n"
            );
            socket.write_all(head.as_bytes()).await?;
            send_file(&mut socket, canned, &path).await?;
        } else if path.starts_with("/api/sandbox") {
            socket.write_all(listed(canned, &path)).await?;
        } else if path.contains("/process/session/") {
            socket.write_all(&response(br#"{"id":"c","command":"x","exitCode":0}"#)).await?;
        } else if path.contains("/process/execute") {
            socket.write_all(&canned.execute).await?;
        } else {
            socket.write_all(&response(b"{}")).await?;
        }
    }
}

/// The answer to a download of several files, of which there is one; the connection ends with it.
const MULTIPART_HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: multipart/form-data; boundary=bench\r\nconnection: close\r\n\r\n\
--bench\r\ncontent-disposition: form-data; name=\"file\"; filename=\"/tmp/NAME\"\r\ncontent-type: application/octet-stream\r\n\r\n";
const MULTIPART_END: &str = "\r\n--bench--\r\n";

/// The body of a request, which is short.
async fn body(socket: &mut TcpStream, buffer: &mut Vec<u8>, head: &str) -> std::io::Result<String> {
    let length = header(head, "content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    while buffer.len() < length {
        if socket.read_buf(buffer).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(String::from_utf8_lossy(&buffer.drain(..length).collect::<Vec<_>>()).into_owned())
}

/// The files are told apart by their names.
fn file_length(name: &str) -> usize {
    if name.contains("/tmp/read") || name.contains("tmp%2Fread") { READ_BYTES } else { TRANSFER_BYTES }
}

async fn send_file(socket: &mut TcpStream, canned: &Canned, name: &str) -> std::io::Result<()> {
    for _ in 0..file_length(name) / MIB {
        socket.write_all(&canned.block).await?;
    }
    Ok(())
}

/// What an object store answers that has nothing yet and keeps nothing.
fn stored(head: &str, path: &str) -> Vec<u8> {
    if head.starts_with("HEAD") {
        b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_vec()
    } else if head.starts_with("PUT") {
        b"HTTP/1.1 200 OK\r\netag: \"0\"\r\ncontent-length: 0\r\n\r\n".to_vec()
    } else if path.contains("uploads") {
        response(
            br#"<InitiateMultipartUploadResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Bucket>store</Bucket><Key>k</Key><UploadId>u</UploadId></InitiateMultipartUploadResult>"#,
        )
    } else {
        response(b"<CompleteMultipartUploadResult></CompleteMultipartUploadResult>")
    }
}

/// The page that is asked for, or all of it where none is.
fn listed<'a>(canned: &'a Canned, path: &str) -> &'a [u8] {
    if !path.contains("limit=") {
        return &canned.list;
    }
    let cursor = path.split_once("cursor=").map_or("0", |(_, cursor)| cursor);
    let cursor = cursor.split('&').next().and_then(|cursor| cursor.parse().ok());
    cursor.and_then(|page: usize| canned.pages.get(page)).unwrap_or(&canned.list)
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

async fn drain(socket: &mut TcpStream, buffer: &mut Vec<u8>, length: usize) -> std::io::Result<()> {
    let here = buffer.len().min(length);
    buffer.drain(..here);
    let mut left = length - here;
    // Most bodies came with their head: no call pays for clearing a buffer that only uploads need.
    if left == 0 {
        return Ok(());
    }
    let mut sink = vec![0; 256 << 10];
    while left > 0 {
        let most = sink.len().min(left);
        let read = socket.read(&mut sink[..most]).await?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        left -= read;
    }
    Ok(())
}

/// Reads a chunked body to its end.
async fn drain_chunks(socket: &mut TcpStream, buffer: &mut Vec<u8>) -> std::io::Result<()> {
    loop {
        let line_end = loop {
            if let Some(at) = buffer.windows(2).position(|window| window == b"\r\n") {
                break at;
            }
            if socket.read_buf(buffer).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        };
        let size = String::from_utf8_lossy(&buffer[..line_end]).into_owned();
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        buffer.drain(..line_end + 2);
        drain(socket, buffer, size + 2).await?;
        if size == 0 {
            return Ok(());
        }
    }
}

async fn websocket(
    mut socket: TcpStream,
    canned: &Canned,
    path: &str,
    key: &str,
    offered: &str,
) -> std::io::Result<()> {
    let accept = derive_accept_key(key.as_bytes());
    // Of what a terminal's client offers the daemon takes this one.
    let protocol =
        offered.split(',').map(str::trim).find(|protocol| *protocol == "X-Daytona-Pty-Exit-Control");
    let protocol =
        protocol.map(|protocol| format!("sec-websocket-protocol: {protocol}\r\n")).unwrap_or_default();
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n{protocol}sec-websocket-accept: {accept}\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await?;
    let mut socket = WebSocketStream::from_raw_socket(socket, Role::Server, None).await;
    let ended = CloseFrame { code: CloseCode::Normal, reason: "".into() };
    if path.contains("/interpreter/") {
        // A frame of output with the time at which it was sent.
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() {
                let output = format!(r#"{{"type":"stdout","text":"{}"}}"#, monotonic_us());
                if socket.send(Message::Text(output.into())).await.is_err() {
                    return Ok(());
                }
                break;
            }
        }
    } else if path.contains("/logs") {
        // The command "log-N" has N MiB of log.
        let size = path.split("/log-").nth(1).and_then(|rest| rest.split('/').next()?.parse().ok());
        for _ in 0..size.map_or(STREAM_BYTES, |size: usize| size * MIB) / canned.log.len() {
            if socket.send(Message::Binary(canned.log.clone())).await.is_err() {
                return Ok(());
            }
        }
    } else {
        let connected = r#"{"type":"control","status":"connected"}"#;
        if socket.send(Message::Text(connected.into())).await.is_err() {
            return Ok(());
        }
        if path.contains("flood") {
            for _ in 0..STREAM_BYTES / FRAME_BYTES {
                if socket.send(Message::Binary(canned.flood.clone())).await.is_err() {
                    return Ok(());
                }
            }
            let exited = r#"{"type":"control","status":"exited","exitCode":0}"#;
            let _ = socket.send(Message::Text(exited.into())).await;
        } else {
            while let Some(Ok(message)) = socket.next().await {
                if let Message::Binary(bytes) = message
                    && socket.send(Message::Binary(bytes)).await.is_err()
                {
                    return Ok(());
                }
            }
            return Ok(());
        }
    }
    let _ = socket.send(Message::Close(Some(ended))).await;
    while let Some(Ok(_)) = socket.next().await {}
    Ok(())
}
