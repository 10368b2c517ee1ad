mod access;
mod copies;
mod events;
mod newer_requests;
mod real;
mod requests;
mod waits;
