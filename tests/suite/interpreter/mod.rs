mod real;
mod sockets;
