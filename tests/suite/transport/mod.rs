mod errors;
mod logs;
mod proxy;
mod requests;
mod retries;
mod socket;
mod tls;
