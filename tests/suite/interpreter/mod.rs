mod faults;
mod real;
mod sockets;
