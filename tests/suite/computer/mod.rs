mod faults;
mod real;
mod requests;
