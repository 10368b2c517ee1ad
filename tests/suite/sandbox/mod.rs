mod access;
mod newer_requests;
mod real;
mod requests;
mod waits;
