mod real;
mod requests;
mod settings;
mod tls;
