"""The rooms behind `tensorflowvisu`: the run, its measurements, and what shows or stores them."""
