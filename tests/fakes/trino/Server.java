/** A Trino that ends with whoever started it: when its standard input is closed. */
public class Server {
    public static void main(String[] arguments) throws Exception {
        new io.trino.server.Server().start("435");
        System.in.transferTo(java.io.OutputStream.nullOutputStream());
        System.exit(0);
    }
}
