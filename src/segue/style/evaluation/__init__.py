"""How good a stylised picture is, without people: content, style, stability and cost, each measured apart."""
