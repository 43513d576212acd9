"""Tools and formats of answers, for services that know neither: what the model
is told, and how its reply is read. Values in, values out."""
