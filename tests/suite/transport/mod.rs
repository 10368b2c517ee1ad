mod errors;
mod logs;
mod proxy;
mod requests;
mod retries;
mod silence;
mod socket;
mod tls;
