mod faults;
mod many;
mod real;
mod uploads;
