mod faults;
mod many;
mod real;
