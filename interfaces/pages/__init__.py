"""What pages say: templates, styles, modules and charts. Their routes lie in interfaces/http."""
