mod real;
mod requests;
mod waits;
