mod real;
mod requests;
